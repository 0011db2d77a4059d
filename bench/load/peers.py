# SPDX-License-Identifier: Apache-2.0
"""peers.py: the brokers that are measured beside ours: how each is found, and how it is started on a port.

A peer that is not there is skipped with a word. The yardstick's relay and pump are meters of the socket interface, no
brokers, and never the best peer.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Callable

KEY = {"HPFEEDS_BENCH_SECRET": "bench", "HPFEEDS_BENCH_PUBCHANS": "bench", "HPFEEDS_BENCH_SUBCHANS": "bench"}
CHANNELS_MAX = 100_000


@dataclass(frozen=True)
class Place:
    """Where things are: the top of the tree, the folder of this run, and what was built for it."""
    top: pathlib.Path
    work: pathlib.Path
    build: pathlib.Path  # of the release preset
    tools: pathlib.Path | None


@dataclass
class Running:
    process: subprocess.Popen
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Peer:
    name: str
    dialect: str
    command: Callable[[int, str, int], list[str] | None]  # port, store, threads; None: this store it has not
    environment: dict | None = None
    broker: bool = True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(peer: Peer, store: str, threads: int, work: pathlib.Path) -> Running | None:
    port = free_port()
    command = peer.command(port, store, threads)
    if command is None:
        return None
    folder = work / f"{peer.name}-{store}-{port}"
    folder.mkdir()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | (peer.environment or {}),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    running = Running(process, port)
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return running
        except OSError:
            time.sleep(0.05)
    print(f"{peer.name}: does not start; its log says: {(folder / 'log').read_text(errors='replace')[-300:]}",
          file=sys.stderr)
    running.stop()
    return None


def skipped(name: str, why: str) -> None:
    print(f"skipped: {name}: {why}", file=sys.stderr)


def ours(place: Place) -> Peer:
    keys = place.work / "channels.json"
    names = ["bench"] + [f"bench.{number}" for number in range(CHANNELS_MAX)]
    keys.write_text(json.dumps({"bench": {"owner": "bench", "secret": "bench", "pubchans": names,
                                          "subchans": names}}))
    database = place.work / "keys.db"
    subprocess.run([place.build / "apps/hpfeeds/hpfeeds", "user", "add", "bench", "--store", database, "--secret",
                    "bench", "--publish", "bench", "--subscribe", "bench"], check=True, stdout=subprocess.DEVNULL)
    stores = {"env": "env", "channels": str(keys), "sqlite": str(database)}
    program = str(place.build / "apps/hpfeeds-broker/hpfeeds-broker")

    def command(port: int, store: str, threads: int) -> list[str]:
        return [program, "--auth", stores[store], "--threads", str(threads), "-e",
                f"tcp:interface=127.0.0.1:port={port}"]
    return Peer("ours", "hpfeeds", command, KEY)


def yardstick(place: Place, kind: str) -> Peer:
    program = str(place.work / "yardstick")
    return Peer(kind, "hpfeeds", lambda port, store, threads: [program, str(port), kind], broker=False)


def nats(place: Place) -> Peer | None:
    del place
    program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    if not program:
        return skipped("nats", "there is no nats-server; it is in Debian's package of that name")
    return Peer("nats", "nats", lambda port, store, threads: [program, "-a", "127.0.0.1", "-p", str(port)])


def redis(place: Place) -> Peer | None:
    del place
    program = shutil.which("redis-server")
    if not program:
        return skipped("redis", "there is no redis-server; it is in Debian's package of that name")
    settings = ["--bind", "127.0.0.1", "--protected-mode", "no", "--save", "", "--maxclients", "19000"]
    return Peer("redis", "redis", lambda port, store, threads: [program, "--port", str(port), *settings])


def mosquitto(place: Place) -> Peer | None:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if not program:
        return skipped("mosquitto", "there is no mosquitto; it is in Debian's package of that name")

    def command(port: int, store: str, threads: int) -> list[str]:
        del store, threads
        settings = place.work / f"mosquitto-{port}.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        return [program, "-c", str(settings)]
    return Peer("mosquitto", "mqtt", command)


def python(place: Place) -> Peer | None:
    folder = place.top / "build/bench/python"
    program = folder / "bin/hpfeeds-broker"
    if not program.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                            "hpfeeds[broker]==3.1.0"], check=True, capture_output=True, timeout=300)
        except (subprocess.SubprocessError, OSError) as error:
            return skipped("python", f"the hpfeeds package cannot be installed ({error})")

    def command(port: int, store: str, threads: int) -> list[str] | None:
        del threads
        if store != "env":
            return None
        return [str(program), "--auth", "env", "-e", f"tcp:interface=127.0.0.1:port={port}"]
    return Peer("python", "hpfeeds", command, KEY)


def rust(place: Place) -> Peer | None:
    del place
    program = os.environ.get("HPFEEDS_RUST_BROKER")
    if not program:
        return skipped("rust", "the Rust brokers are on no registry; HPFEEDS_RUST_BROKER may say how one is started, "
                               "with PORT where the port goes")
    return Peer("rust", "hpfeeds", lambda port, store, threads: program.replace("PORT", str(port)).split())


def find(place: Place, wanted: list[str]) -> list[Peer]:
    found = [ours(place)] if "ours" in wanted else []
    for kind in ("relay", "pump"):
        if kind in wanted:
            if place.tools:
                found.append(yardstick(place, kind))
            else:
                skipped(kind, "the yardstick's source is not there; --tools says where it is")
    for name, make in (("nats", nats), ("redis", redis), ("mosquitto", mosquitto), ("python", python), ("rust", rust)):
        if name in wanted and (peer := make(place)):
            found.append(peer)
    return found


NAMES = ["ours", "relay", "pump", "nats", "redis", "mosquitto", "python", "rust"]
