# SPDX-License-Identifier: Apache-2.0
"""The broker under test as a process that a script starts, restarts on the same port, and ends."""
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

DEADLINE_SECONDS = 30 * float(os.environ.get("HPFEEDS_TEST_SCALE", "1"))

CHANNELS = ["cowrie.sessions", "dionaea.capture", "mwbinary.dionaea.sensorunique", "probe"]
KEYS = {
    "sensor": {"owner": "field", "secret": "sensor-secret", "pubchans": CHANNELS, "subchans": []},
    "logger": {"owner": "lab", "secret": "logger-secret", "pubchans": [], "subchans": CHANNELS},
}


class Broker:
    """Use as a context manager; `port` is the system's choice and stays over restart().

    With tls=True it is a TLS endpoint, and `certificate` is the file that clients are to trust.
    """

    def __init__(self, tls=False):
        self.tls = tls
        self.program = os.environ["HPFEEDS_BROKER_BIN"]
        self.folder = tempfile.TemporaryDirectory(prefix="hpfeeds-interop-")
        with open(os.path.join(self.folder.name, "users.json"), "w", encoding="utf-8") as users:
            json.dump(KEYS, users)
        self.certificate = os.path.join(self.folder.name, "broker.crt")
        if tls:
            self.renew_certificate()
        self.port = 0
        self.log = []
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, failed, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
        if failed:
            sys.stderr.write("--- the broker's log ---\n" + "".join(self.log))

    def renew_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "broker.key", "-out", "broker.crt"],
            cwd=self.folder.name, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        endpoint = f"interface=127.0.0.1:port={self.port}"
        endpoint = f"tls:{endpoint}:key=broker.key:cert=broker.crt" if self.tls else f"tcp:{endpoint}"
        self.process = subprocess.Popen(
            [self.program, "-e", endpoint, "--auth", "users.json"],
            cwd=self.folder.name, stderr=subprocess.PIPE, text=True, errors="backslashreplace")
        listening = queue.Queue()
        threading.Thread(target=self._read_log, args=(self.process.stderr, listening), daemon=True).start()
        self.port = listening.get(timeout=DEADLINE_SECONDS)
        if self.port is None:
            raise RuntimeError("the broker did not start:\n" + "".join(self.log))

    def _read_log(self, stream, listening):
        for line in stream:
            self.log.append(line)
            found = re.search(r" listening .*?\bport=(\d+)", line)
            if found:
                listening.put(int(found.group(1)))
        listening.put(None)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=DEADLINE_SECONDS)
        if status != 0:
            raise RuntimeError(f"the broker ended with status {status}")

    def restart(self):
        self.stop()
        self.start()


def await_probe(publish, messages, channel):
    """Publishes on `channel` until the subscriber behind the queue `messages` hears it, then lets it hear the last one.

    hpfeeds has no acknowledgement: only a message that arrives shows that both sides are connected.
    """
    number = 0
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        number += 1
        publish(channel, b"probe %d" % number)
        try:
            messages.get(timeout=0.1)
            break
        except queue.Empty:
            if time.monotonic() > end:
                raise RuntimeError(f"no message on {channel} arrived before the deadline") from None
    publish(channel, b"last probe")
    while messages.get(timeout=DEADLINE_SECONDS)[2] != b"last probe":
        pass


def expect_all(events, publish, messages):
    """Publishes all events and expects each of them, once and in order."""
    for channel, payload in events:
        publish(channel, payload)
    for number, (channel, payload) in enumerate(events):
        ident, came_on, came = messages.get(timeout=DEADLINE_SECONDS)
        if (ident, came_on, came) != ("sensor", channel, payload):
            raise RuntimeError(
                f"event {number}: expected {channel} {payload[:60]!r} ({len(payload)} bytes), "
                f"came {came_on} {came[:60]!r} ({len(came)} bytes) by {ident}")
