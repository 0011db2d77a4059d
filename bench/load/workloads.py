# SPDX-License-Identifier: Apache-2.0
"""workloads.py: what is put on a broker, and what the figures of one run mean.

A workload names its generator: `hpload`, which speaks the dialects of all peers, or `bench`, our own for what hpload
cannot do (`hpfeeds bench`, and bench/load/peer_bench for NATS and Redis).
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bound:
    """One cell of the bar: our figure may be at most `factor` times the peer's (at least: a division)."""
    peer: str  # a peer's name, or "best" for the best of those that are brokers
    factor: float
    goal: bool = False


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    arguments: tuple[str, ...]
    generator: str = "hpload"
    mode: str = "run"          # of hpload: run, idle, slow
    figure: str = "ns"         # which figure the bounds are about
    store: str = "env"         # of our broker: env, channels (a JSON file with many), sqlite
    bounds: tuple[Bound, ...] = ()
    threads: int = 1           # of our broker


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def divided(**peers: float) -> tuple[Bound, ...]:
    return tuple(Bound(peer, 1 / by) for peer, by in peers.items())


def goal(**peers: float) -> tuple[Bound, ...]:
    return tuple(Bound(peer, by, goal=True) for peer, by in peers.items())


PLAIN = (
    Workload("A", "1 → 1, 100 B", words("--pubs 1 --subs 1 --size 100"),
             bounds=divided(nats=4, redis=5) + goal(relay=1.15)),
    Workload("B", "1 → 1, 1 KiB", words("--pubs 1 --subs 1 --size 1024")),
    Workload("C", "5 → 50, 1 KiB", words("--pubs 5 --subs 50 --size 1024"),
             bounds=divided(nats=5, redis=3.5, python=40) + goal(pump=1.05)),
    Workload("D", "20 → 10, 300 B", words("--pubs 20 --subs 10 --size 300"),
             bounds=divided(nats=6) + goal(relay=1.15)),
    Workload("E", "1 → 1, 256 KiB", words("--pubs 1 --subs 1 --size 262144"),
             bounds=(Bound("best", 0.8),) + goal(relay=1.05)),
    Workload("F", "1000 idle, 200 → 5, 500 B, 2000 msg/s",
             words("--pubs 200 --subs 5 --idle 1000 --size 500 --rate 2000"),
             bounds=(Bound("best", 0.8),) + goal(relay=1.05)),
    Workload("L p50", "1 → 1, 200 B, 200 msg/s: median latency, µs", words("--pubs 1 --subs 1 --size 200 --rate 200"),
             figure="p50", bounds=(Bound("best", 1.0),)),
    Workload("L p99", "the same: 99th percentile, µs", words("--pubs 1 --subs 1 --size 200 --rate 200"),
             figure="p99", bounds=(Bound("best", 1.0),)),
)

FAN_OUT = tuple(
    Workload(f"fan {count}", f"1 → {count:,}, 1 KiB", words(f"--pubs 1 --subs {count} --size 1024"))
    for count in (10, 100, 1000, 5000))

SIZES = tuple(
    Workload(f"size {label}", f"1 → 5, {label}", words(f"--pubs 1 --subs 5 --size {size}"))
    for label, size in (("64 B", 64), ("1 KiB", 1024), ("16 KiB", 16384), ("128 KiB", 131072), ("1 MiB", 1_048_000)))

CHANNELS = tuple(
    Workload(f"channels {count:,}", f"1 → 1, 100 B, {count:,} channels in turn",
             words(f"--size 100 --channels {count}"), generator="bench", store="channels",
             bounds=divided(nats=3))
    for count in (1, 10, 1000, 100_000))

LATE = (
    Workload("late", "1 → 200, 300 B, 20,000 msg/s, each subscriber rests 20 ms between two reads",
             words("--subscribers 200 --size 300 --rate 20000 --pause 20"), generator="bench"),
    Workload("fair", "1 MiB as fast as it goes beside 64 B, 200 msg/s: p99 of the small one, µs",
             words("--publishers 2 --subscribers 2 --size 1048000,64 --rate 0,200"), generator="bench",
             figure="p99_last"),
)

CONNECTIONS = (
    Workload("idle", "15,000 quiet subscribers: KiB each", words("--conns 15000 --hold 12"), mode="idle", figure="kib", store="sqlite",
             bounds=(Bound("absolute", 1.0), Bound("absolute", 0.6, goal=True))),
    Workload("login", "a login with its subscription, key in SQLite: µs of CPU", words("--conns 3000 --hold 0"),
             mode="idle", figure="login_us", store="sqlite",
             bounds=(Bound("redis", 1.0), Bound("absolute", 30, goal=True))),
    Workload("storm", "3,000 connections at once, 1,000 handshakes in flight: logins per second",
             words("--conns 3000 --hold 0 --burst 1000"), mode="idle", figure="ready_per_s", store="sqlite"),
)

STALLED = (
    Workload("stalled", "1 → 2, 1 KiB, one more never reads: share of deliveries kept, %",
             words("--pubs 1 --subs 2 --size 1024 --rate 50000"), mode="slow", figure="kept",
             bounds=(Bound("absolute", 98.0), Bound("absolute", 99.0, goal=True))),
)

GROUPS = {"plain": PLAIN, "fan": FAN_OUT, "sizes": SIZES, "channels": CHANNELS, "late": LATE,
          "connections": CONNECTIONS, "stalled": STALLED}
HIGHER_IS_BETTER = {"ready_per_s", "kept"}


@dataclass
class Figures:
    """One run of one workload on one broker."""
    value: float
    delivered_per_s: float = 0
    p50_us: float = 0
    p99_us: float = 0
    wrong: int = 0       # lost, duplicated, out of order, corrupt
    others: float = 0    # of a core, taken by other processes
    extra: dict = field(default_factory=dict)


def figures_of_hpload(workload: Workload, report: dict) -> Figures:
    if workload.mode == "idle":
        value = {"kib": report["rss_kib_per_conn_held"], "login_us": report["setup_cpu_us_per_conn"],
                 "ready_per_s": report["ready_per_s"]}[workload.figure]
        return Figures(value, wrong=report["closed"])
    if workload.mode == "slow":
        healthy, stalled = report["healthy_delivered_per_s"], report["stalled_delivered_per_s"]
        return Figures(100 * stalled / healthy, stalled, report["stalled_p50_us"], report["stalled_p99_us"],
                       wrong_of(report), max(report["healthy_others_cpu_share"], report["stalled_others_cpu_share"]),
                       {"grew_mb": report["stalled_rss_growth_mb"], "cut_after_s": report["stalled_cut_after_s"],
                        "healthy_p99_us": report["healthy_p99_us"]})
    value = {"ns": report["cpu_ns_per_delivery"], "p50": report["p50_us"], "p99": report["p99_us"]}[workload.figure]
    return Figures(value, report["delivered_per_s"], report["p50_us"], report["p99_us"], wrong_of(report),
                   report["others_cpu_share"], {"rss_mb": report["rss_mb"], "generator": report["generator_cpu_s"] /
                                                report["seconds"]})


def wrong_of(report: dict) -> int:
    return sum(report[key] for key in ("lost", "duplicated", "reordered", "corrupt", "subs_disconnected",
                                       "pubs_disconnected"))


def figures_of_bench(workload: Workload, report: dict) -> Figures:
    latency = report["kinds"][-1]["latency_us"]
    value = latency["p99"] if workload.figure == "p99_last" else report["broker_cpu_ns_per_delivery"]
    wrong = sum(report[key] for key in ("lost", "duplicated", "out_of_order", "corrupt"))
    return Figures(value, report["delivered_per_second"], latency["p50"], latency["p99"],
                   wrong + ("failure" in report), report["others_cpu"],
                   {"rss_mb": report["broker_resident_bytes"] / 2**20, "generator": report["generator_cpu"]})
