# SPDX-License-Identifier: Apache-2.0
"""workloads.py: what is put on a broker, what the figures of one run mean, and the bar that they are held against.

A workload names its generator: `hpload`, which speaks the dialects of all peers, or `bench`, our own for what hpload
cannot do (`hpfeeds bench`, and bench/load/peer_bench for NATS, Redis and MQTT).
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bound:
    """One cell of the bar: what our figure may be at most; at least, where more is better."""
    against: str       # a peer's name; best: of those that are brokers; number: `factor` itself; ours: our own figure in
                       # the workload `other`; cipher: AES-GCM on the same bytes plus our own figure there
    factor: float
    goal: bool = False
    of: str = ""       # a figure beside the row's own: p99_us, or one of Figures.extra
    other: str = ""
    says: str = ""     # instead of the words that follow from the rest


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    arguments: tuple[str, ...]
    generator: str = "hpload"
    mode: str = "run"          # of hpload: run, idle, slow
    figure: str = "ns"         # what the row tells
    beside: tuple[str, ...] = ()  # and tells too, of Figures
    store: str = "env"         # of our broker: env, channels (a JSON file with many), sqlite
    tls: bool = False
    queue_max_mib: int = 0     # what a broker may queue for one subscriber; 0: its own default
    crypted_bytes: float = 0   # for each delivery: decrypted and encrypted
    bounds: tuple[Bound, ...] = ()


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
             bounds=divided(nats=5, redis=3.5, tentacool=10, python=40) + goal(pump=1.05)),
    Workload("D", "20 → 10, 300 B", words("--pubs 20 --subs 10 --size 300"),
             bounds=divided(nats=6) + goal(relay=1.15)),
    Workload("E", "1 → 1, 256 KiB", words("--pubs 1 --subs 1 --size 262144"),
             bounds=(Bound("best", 0.8),) + goal(relay=1.05)),
    Workload("F", "1000 idle, 200 → 5, 500 B, 2000 msg/s",
             words("--pubs 200 --subs 5 --idle 1000 --size 500 --rate 2000"),
             bounds=(Bound("best", 0.8),) + goal(relay=1.05)),
    Workload("L", "1 → 1, 200 B, 200 msg/s: latency, µs: median, p99", words("--pubs 1 --subs 1 --size 200 --rate 200"),
             figure="p50", beside=("p99_us",),
             bounds=(Bound("best", 1.0, says="p50: the best peer's"), Bound("best", 1.0, of="p99_us", says="p99: the best peer's"),
                     Bound("best", 0.99, goal=True, says="p50: below the best peer's"),
                     Bound("best", 0.99, goal=True, of="p99_us", says="p99: below the best peer's"))),
)

FAN_COUNTS = (10, 100, 1000, 5000)


def no_dearer(first: str) -> tuple[Bound, ...]:
    return (Bound("ours", 1.25, other=first, says=f"rises by no more than 25 % from {first}"),
            Bound("ours", 1.05, goal=True, other=first, says=f"flat from {first}, within 5 %"))


FAN_OUT = tuple(
    Workload(f"fan {count}", f"1 → {count:,}, 1 KiB", words(f"--pubs 1 --subs {count} --size 1024"),
             bounds=no_dearer("fan 10") if count > 10 else ())
    for count in FAN_COUNTS)

# At a rate that all carry: brokers without a brake on publishers lose subscribers in the rows above.
FAN_PACED = tuple(
    Workload(f"fan {count} paced", f"1 → {count:,}, 1 KiB, 50,000 deliveries a second",
             words(f"--pubs 1 --subs {count} --size 1024 --rate {50_000 // count}"))
    for count in FAN_COUNTS)

SIZES = tuple(
    Workload(f"size {label}", f"1 → 5, {label}", words(f"--pubs 1 --subs 5 --size {size}"))
    for label, size in (("64 B", 64), ("1 KiB", 1024), ("16 KiB", 16384), ("128 KiB", 131072), ("1 MiB", 1_048_000)))

CHANNELS = tuple(
    Workload(f"channels {count:,}", f"1 → 1, 100 B, {count:,} channel{'s in turn' if count > 1 else ''}",
             words(f"--size 100 --channels {count}"), generator="bench", store="channels",
             bounds=(divided(nats=3) if count > 1 else ()) +
             ((Bound("ours", 1.5, goal=True, other="channels 1", says="1.5 × the figure of one channel"),)
              if count == 1000 else ()))
    for count in (1, 10, 1000, 100_000))

LATE = (
    Workload("late", "1 → 200, 300 B, 20,000 msg/s, each subscriber rests 20 ms between two reads",
             words("--subscribers 200 --size 300 --rate 20000 --pause 20"), generator="bench"),
    Workload("fair", "1 MiB as fast as it goes beside 64 B, 200 msg/s: p99 of the small one, µs",
             words("--publishers 2 --subscribers 2 --size 1048000,64 --rate 0,200"), generator="bench",
             figure="p99_last", bounds=(Bound("number", 50_000),)),
)

CONNECTIONS = (
    Workload("idle", "15,000 quiet subscribers: KiB each", words("--conns 15000 --hold 12"), mode="idle", figure="kib", store="sqlite",
             bounds=(Bound("number", 1.0), Bound("number", 0.6, goal=True))),
    Workload("login", "a login with its subscription, key in SQLite: µs of CPU", words("--conns 3000 --hold 0"),
             mode="idle", figure="login_us", store="sqlite",
             bounds=(Bound("redis", 1.0), Bound("number", 30, goal=True))),
    Workload("storm", "3,000 connections at once, 1,000 handshakes in flight: subscribers ready per second",
             words("--conns 3000 --hold 0 --burst 1000"), mode="idle", figure="ready_per_s", beside=("login_us",),
             store="sqlite"),
)

# All brokers may queue the same for one subscriber, so that what they grow by can be compared.
STALLED_MIB = 32
STALLED = (
    Workload("stalled", f"1 → 2, 1 KiB, 50,000 msg/s, one more never reads, {STALLED_MIB} MiB may be queued: share of deliveries kept, %; "
             "growth, MiB; p99 with it and without, µs",
             words("--pubs 1 --subs 2 --size 1024 --rate 50000"), mode="slow", figure="kept", queue_max_mib=STALLED_MIB,
             beside=("grew_mib", "p99_us", "healthy_p99_us"),
             bounds=(Bound("number", 98.0), Bound("number", 99.0, goal=True),
                     Bound("number", STALLED_MIB * 1.1, of="grew_mib", says=f"memory grows by {STALLED_MIB} MiB + 10 %"))),
    # hpload looks through all the machine's sockets twenty times a second while it waits for the cut, which holds
    # up 1 % of its messages for 2 ms on any broker: for the others' p99 we ask our own generator.
    Workload("p99 alone", "1 → 2, 1 KiB, 50,000 msg/s: p99, µs",
             words("--subscribers 2 --size 1024 --rate 50000"), generator="bench", figure="p99_last",
             queue_max_mib=STALLED_MIB),
    Workload("p99 beside", "the same, one more never reads",
             words("--subscribers 2 --size 1024 --rate 50000 --stalled 1"), generator="bench", figure="p99_last",
             queue_max_mib=STALLED_MIB,
             bounds=(Bound("ours", 1.1, goal=True, other="p99 alone", says="nobody else's p99 moves, within 10 %"),)),
)


def encrypted(name: str, publishers: int, subscribers: int, size: int) -> tuple[Workload, Workload]:
    """A workload without and with TLS, by the same generator."""
    frame = 17 + size  # header, ident and channel
    title = f"{publishers} → {subscribers}, {size} B"
    load = words(f"--publishers {publishers} --subscribers {subscribers} --size {size}")
    return (Workload(f"{name} plain", f"{title}, by the generator of the next row", load, generator="bench"),
            Workload(f"{name} TLS", f"{title}, TLS 1.3, AES-128-GCM", load, generator="bench", tls=True,
                     crypted_bytes=frame * (1 + 1 / subscribers),
                     bounds=divided(nats=2) + (Bound("cipher", 1.2, goal=True, other=f"{name} plain"),)))


TLS = encrypted("A", 1, 1, 100) + encrypted("C", 5, 50, 1024) + (
    Workload("storm TLS", "1,000 connections at once over TLS, 200 handshakes under way: ready per second",
             words("--idle 998 --connecting 200 --rate 100"), generator="bench", tls=True, figure="ready_per_s"),
)

GROUPS = {"plain": PLAIN, "fan": FAN_OUT, "paced": FAN_PACED, "sizes": SIZES, "channels": CHANNELS, "late": LATE,
          "connections": CONNECTIONS, "stalled": STALLED, "tls": TLS}
MORE_IS_BETTER = {"ready_per_s", "kept"}


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

    def figure(self, of: str) -> float | None:
        """The row's own, or one beside it; none: this run does not tell it."""
        return self.value if not of else vars(self).get(of, self.extra.get(of))


def figures_of_hpload(workload: Workload, report: dict) -> Figures:
    if workload.mode == "idle":
        told = {"kib": report["rss_kib_per_conn_held"], "login_us": report["setup_cpu_us_per_conn"],
                "ready_per_s": report["ready_per_s"]}
        return Figures(told[workload.figure], wrong=report["closed"], extra=told)
    if workload.mode == "slow":
        healthy, stalled = report["healthy_delivered_per_s"], report["stalled_delivered_per_s"]
        return Figures(100 * stalled / healthy, stalled, report["stalled_p50_us"], report["stalled_p99_us"],
                       wrong_of(report), max(report["healthy_others_cpu_share"], report["stalled_others_cpu_share"]),
                       {"grew_mib": report["stalled_rss_growth_mb"], "cut_after_s": report["stalled_cut_after_s"],
                        "healthy_p99_us": report["healthy_p99_us"]})
    value = {"ns": report["cpu_ns_per_delivery"], "p50": report["p50_us"]}[workload.figure]
    return Figures(value, report["delivered_per_s"], report["p50_us"], report["p99_us"], wrong_of(report),
                   report["others_cpu_share"], {"rss_mib": report["rss_mb"], "generator": report["generator_cpu_s"] /
                                                report["seconds"]})


def wrong_of(report: dict) -> int:
    return sum(report[key] for key in ("lost", "duplicated", "reordered", "corrupt", "subs_disconnected",
                                       "pubs_disconnected"))


def figures_of_bench(workload: Workload, report: dict) -> Figures:
    latency = report["kinds"][-1]["latency_us"]
    told = {"ns": report["broker_cpu_ns_per_delivery"], "p99_last": latency["p99"],
            "ready_per_s": report["connections"] / report["connect_seconds"]}
    wrong = sum(report[key] for key in ("lost", "duplicated", "out_of_order", "corrupt"))
    return Figures(told[workload.figure], report["delivered_per_second"], latency["p50"], latency["p99"],
                   wrong + ("failure" in report), report["others_cpu"],
                   {"rss_mib": report["broker_resident_bytes"] / 2**20, "generator": report["generator_cpu"]} |
                   ({"tls": report["tls"]} if "tls" in report else {}))
