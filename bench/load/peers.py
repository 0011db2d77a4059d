# SPDX-License-Identifier: Apache-2.0
"""peers.py: the brokers that are measured beside ours: how each is found, and how it is started on a port.

A peer that is not there is skipped with a word. The yardstick's relay and pump are meters of the socket interface, no
brokers, and never the best peer.
"""
import getpass
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Callable

KEY = {"HPFEEDS_BENCH_SECRET": "bench", "HPFEEDS_BENCH_PUBCHANS": "bench", "HPFEEDS_BENCH_SUBCHANS": "bench"}
CHANNELS_MAX = 100_000
CIPHERSUITE = "TLS_AES_128_GCM_SHA256"  # what Go prefers; our generator offers nothing else, so all use it
NAMES = ["ours", "relay", "pump", "nats", "redis", "mosquitto", "python", "rust", "tentacool"]
ON_REQUEST = ["ours2"]


@dataclass(frozen=True)
class Place:
    """Where things are: the top of the tree, the folder of this run, and what was built for it."""
    top: pathlib.Path
    work: pathlib.Path
    build: pathlib.Path  # of the release preset
    tools: pathlib.Path | None

    @property
    def certificate(self) -> pathlib.Path:
        return self.work / "broker.crt"

    @property
    def key(self) -> pathlib.Path:
        return self.work / "broker.key"

    @property
    def one_cipher(self) -> dict[str, str]:
        """The environment in which OpenSSL offers nothing but CIPHERSUITE."""
        return {"OPENSSL_CONF": str(self.work / "one-cipher.cnf")}


@dataclass(frozen=True)
class Wish:
    """How a broker shall be started."""
    store: str = "env"   # of keys: env, channels (a JSON file with many), sqlite
    threads: int = 1
    tls: bool = False
    queue_max_mib: int = 0      # queued for one subscriber; 0: the broker's own default
    more: tuple[str, ...] = ()  # arguments of ours alone


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
    command: Callable[[int, Wish], list[str] | None]  # on a port; None: this it cannot do
    environment: dict = field(default_factory=dict)
    broker: bool = True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(running: Running) -> bool:
    """False when it ends before, or takes more than a quarter of a minute."""
    for _ in range(300):
        if running.process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", running.port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def start(peer: Peer, wish: Wish, work: pathlib.Path) -> Running | None:
    port = free_port()
    command = peer.command(port, wish)
    if command is None:
        return None
    folder = work / f"{peer.name}-{wish.store}-{port}"
    folder.mkdir()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | peer.environment,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    running = Running(process, port)
    try:
        if listens(running):
            return running
    except BaseException:
        running.stop()
        raise
    print(f"{peer.name}: does not start; its log says: {(folder / 'log').read_text(errors='replace')[-300:]}",
          file=sys.stderr)
    running.stop()
    return None


def make_certificate(place: Place) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", place.key, "-nodes", "-out",
                    place.certificate, "-sha256", "-days", "30", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    (place.work / "one-cipher.cnf").write_text(
        "openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = every\n[every]\n"
        f"Ciphersuites = {CIPHERSUITE}\n")


def aes_gcm_ns_per_byte() -> float:
    """What the cipher alone costs, in records of TLS's largest size: the middle of three seconds."""
    seen = []
    for _ in range(3):
        told = subprocess.run(["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-aead", "-evp",
                               "aes-128-gcm"], check=True, capture_output=True, text=True).stdout
        per_second = [line.rsplit(":", 1)[1] for line in told.splitlines() if line.startswith("+F:")]
        seen.append(1e9 / float(per_second[-1]))
    return sorted(seen)[1]


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

    def command(port: int, wish: Wish) -> list[str]:
        endpoint = f"tcp:interface=127.0.0.1:port={port}"
        if wish.tls:
            endpoint = f"tls:interface=127.0.0.1:port={port}:key={place.key}:cert={place.certificate}"
        cap = wish.queue_max_mib
        capped = ["--max-queue", f"{cap}M", "--slow-high-mark", f"{cap * 3 // 4}M"] if cap else []
        return [program, "--auth", stores[wish.store], "--threads", str(wish.threads), "-e", endpoint, *capped,
                *wish.more]
    return Peer("ours", "hpfeeds", command, KEY)


def ours_on_two(one: Peer) -> Peer:
    """The same with two threads, to be measured in alternation with one."""
    return Peer("ours2", one.dialect, lambda port, wish: one.command(port, replace(wish, threads=2)), one.environment)


def yardstick(place: Place, kind: str) -> Peer:
    program = str(place.work / "yardstick")
    return Peer(kind, "hpfeeds", lambda port, wish: None if wish.tls else [program, str(port), kind], broker=False)


def nats(place: Place) -> Peer | None:
    program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    if not program:
        return skipped("nats", "there is no nats-server; it is in Debian's package of that name")

    def command(port: int, wish: Wish) -> list[str]:
        words = [program, "-a", "127.0.0.1", "-p", str(port)]
        if wish.tls:
            words += ["--tls", "--tlscert", str(place.certificate), "--tlskey", str(place.key)]
        if wish.queue_max_mib:
            settings = place.work / f"nats-{port}.conf"
            settings.write_text(f"max_pending: {wish.queue_max_mib}MB\n")
            words += ["-c", str(settings)]
        return words
    return Peer("nats", "nats", command)


def redis(place: Place) -> Peer | None:
    program = shutil.which("redis-server")
    if not program:
        return skipped("redis", "there is no redis-server; it is in Debian's package of that name")
    settings = ["--bind", "127.0.0.1", "--protected-mode", "no", "--save", "", "--maxclients", "19000"]

    def command(port: int, wish: Wish) -> list[str]:
        words = [program, *settings, "--port", "0" if wish.tls else str(port)]
        if wish.tls:
            words += ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", str(place.certificate),
                      "--tls-key-file", str(place.key), "--tls-ca-cert-file", str(place.certificate)]
        if wish.queue_max_mib:
            cap = wish.queue_max_mib
            words += ["--client-output-buffer-limit", f"pubsub {cap}mb {cap * 3 // 4}mb 60"]
        return words
    return Peer("redis", "redis", command)


def mosquitto(place: Place) -> Peer | None:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if not program:
        return skipped("mosquitto", "there is no mosquitto; it is in Debian's package of that name")

    def command(port: int, wish: Wish) -> list[str]:
        settings = place.work / f"mosquitto-{port}.conf"
        lines = [f"listener {port} 127.0.0.1", "allow_anonymous true"]
        if wish.tls:
            # As root it would become another user, who cannot read these.
            lines += [f"certfile {place.certificate}", f"keyfile {place.key}", f"user {getpass.getuser()}"]
        settings.write_text("\n".join(lines) + "\n")
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

    def command(port: int, wish: Wish) -> list[str] | None:
        # Where ours looks a key up in SQLite, this one finds it in the environment: it is spared that.
        if wish.store == "channels" or wish.tls:
            return None
        return [str(program), "--auth", "env", "-e", f"tcp:interface=127.0.0.1:port={port}"]
    return Peer("python", "hpfeeds", command, KEY)


def by_command(name: str, variable: str, why: str) -> Peer | None:
    """A broker that the user says how to start."""
    program = os.environ.get(variable)
    if not program:
        return skipped(name, f"{why}; {variable} may say how one is started, with PORT where the port goes")
    return Peer(name, "hpfeeds", lambda port, wish: None if wish.tls else program.replace("PORT", str(port)).split())


def rust(place: Place) -> Peer | None:
    del place
    return by_command("rust", "HPFEEDS_RUST_BROKER", "the Rust brokers are on no registry")


def tentacool(place: Place) -> Peer | None:
    del place
    return by_command("tentacool", "HPFEEDS_TENTACOOL", "Tentacool is on no registry")


def find(place: Place, wanted: list[str]) -> list[Peer]:
    found = []
    if wanted_of_ours := {"ours", "ours2"} & set(wanted):
        own = ours(place)
        found = [peer for peer in (own, ours_on_two(own)) if peer.name in wanted_of_ours]
    for kind in ("relay", "pump"):
        if kind in wanted:
            if place.tools:
                found.append(yardstick(place, kind))
            else:
                skipped(kind, "the yardstick's source is not there; --tools says where it is")
    for make in (nats, redis, mosquitto, python, rust, tentacool):
        if make.__name__ in wanted and (peer := make(place)):
            found.append(peer)
    return found
