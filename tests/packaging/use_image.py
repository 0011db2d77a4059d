#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""use_image.py IMAGE.JSON HPFEEDS: uses a rehearsed image (rehearse_dockerfile.py) as the documentation does.

Runs in a network namespace of its own, so that the image's fixed ports disturb nobody. HPFEEDS is the command line client.
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

image = json.loads(Path(sys.argv[1]).read_text())
client = str(Path(sys.argv[2]).resolve())
compose = Path(__file__).resolve().parents[2] / "packaging/docker"


def inside(command, environment=(), **more):
    """The command as the image's user in the image's folder."""
    settings = [f"{name}={value}" for name, value in {**image["environment"], **dict(environment)}.items()]
    return subprocess.Popen(
        ["chroot", "--userspec=hpfeeds:hpfeeds", image["root"], "/usr/bin/env", "-i", *settings,
         "/bin/sh", "-c", f'cd {image["folder"]} && exec "$@"', "sh", *command], **more)


def wait_for(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            assert connection.recv(100)[4] == 1, "the first frame is INFO"
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


@contextlib.contextmanager
def broker(command, environment=()):
    process = inside(command, environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, "the broker ends with status 0"


def publishes(port, ident, secret, channel):
    subprocess.run([client, "publish", "--host", "127.0.0.1", "-p", str(port), "-i", ident, "-s", secret, "-c", channel, "x"],
                   check=True)


def settings_of(name):
    text = (compose / name).read_text()
    command = re.findall(r"^ *- '(.*)'$", text, re.M)
    environment = dict(re.findall(r"^ *(HPFEEDS_\w+): '(.*)'$", text, re.M))
    return command, environment


def main():
    assert image["user"] == "hpfeeds" and image["volumes"] == ["/app/var"], image
    assert {20000, 10000, 9431} <= set(image["ports"]), image

    # As it is, with keys by the documentation's SQL.
    with broker(image["command"]):
        wait_for(20000)
        wait_for(10000)
        sql = inside(["sqlite3", "sqlite.db"], stdin=subprocess.PIPE, text=True)
        sql.communicate("INSERT INTO authkeys (owner, ident, secret, pubchans, subchans)"
                        " VALUES ('owner', 'ident', 'secret', '[\"chan1\"]', '[\"chan1\"]');")
        assert sql.returncode == 0
        publishes(20000, "ident", "secret", "chan1")
        publishes(10000, "ident", "secret", "chan1")
        assert inside(["hpfeeds", "user", "add", "s1", "--publish", "chan1"]).wait() == 0
        metrics = urllib.request.urlopen("http://127.0.0.1:9431/metrics", timeout=10).read().decode()
        assert "hpfeeds_broker_connection_ready" in metrics
        assert urllib.request.urlopen("http://127.0.0.1:9431/healthz", timeout=10).read().strip() == b"{}"

    command, environment = settings_of("compose.env-keys.yml")
    with broker(command, environment):
        wait_for(10000)
        publishes(10000, "test", "test", "spam")

    # The keys are where the volume is, so they are there again.
    with broker(image["command"]):
        wait_for(20000)
        publishes(20000, "ident", "secret", "chan1")
    print("the image serves as documented")


if os.environ.get("HPFEEDS_OWN_NETWORK") != "yes":
    os.execvpe("unshare", ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv],
               {**os.environ, "HPFEEDS_OWN_NETWORK": "yes"})
main()
