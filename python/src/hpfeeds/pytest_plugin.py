# SPDX-License-Identifier: Apache-2.0
"""Fixtures for projects that publish to hpfeeds: a real broker on a free port, and a client of it. No Docker.

    def test_it_reports_a_login(hpfeeds_broker, hpfeeds_client):
        hpfeeds_client.subscribe("cowrie.sessions")
        hpfeeds_broker.wait_for_subscription("cowrie.sessions")
        my_honeypot.report_to(hpfeeds_broker.host, hpfeeds_broker.port, hpfeeds_broker.ident, hpfeeds_broker.secret)
        ident, channel, payload = hpfeeds_client.read(timeout=5)
"""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

import pytest

from . import client
from .scripts.program import find

# Channels that the broker's key may use, besides those a test adds.
CHANNELS = ["test", "cowrie.sessions", "dionaea.capture", "dionaea.connections", "conpot.events", "glastopf.events"]
IDENT = "ident"
SECRET = "secret"
WAIT_SECONDS = 60.0


class Broker:
    """A broker process. Its key, ident and secret, may publish and subscribe on `channels`; add_key() adds others."""

    def __init__(self, folder: Path, channels: Optional[list[str]] = None) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.ident = IDENT
        self.secret = SECRET
        self.channels = list(channels or CHANNELS)
        self.log: list[str] = []
        self._keys_file = folder / "keys.json"
        self._keys: dict[str, dict[str, object]] = {}
        self._process: Optional[subprocess.Popen[str]] = None
        self._reader: Optional[threading.Thread] = None
        self._changed = threading.Condition()
        self._set_key(self.ident, self.secret, self.channels, self.channels)

    def start(self) -> None:
        """Starts it; on the same port as before, if there was one."""
        since = len(self.log)
        self._process = subprocess.Popen(
            [
                find("hpfeeds-broker"), "--debug", "--auth", str(self._keys_file),
                "-e", f"tcp:interface={self.host}:port={self.port}",
            ],
            cwd=self._keys_file.parent, stderr=subprocess.PIPE, text=True, errors="backslashreplace",
        )
        self._reader = threading.Thread(target=self._read_log, args=(self._process.stderr,), daemon=True)
        self._reader.start()
        line = self.wait_for_log(r" listening .*\bport=\d+", since=since)
        found = re.search(r"\bport=(\d+)", line)
        assert found is not None
        self.port = int(found[1])

    def stop(self) -> None:
        """As an operator does it. It can be started again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if self._reader is not None:
                self._reader.join(WAIT_SECONDS)
            if process.stderr is not None:
                process.stderr.close()

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def add_key(
        self, ident: str, secret: str, publish: Optional[list[str]] = None, subscribe: Optional[list[str]] = None
    ) -> None:
        """A key for another client; returns when the broker knows it."""
        since = len(self.log)
        self._set_key(ident, secret, publish or [], subscribe or [])
        if self._process is not None:
            self.wait_for_log(r"users read .*keys\.json", since=since)

    def wait_for_subscription(self, channel: str, ident: Optional[str] = None) -> None:
        """hpfeeds does not acknowledge a subscription; the broker's log tells of it."""
        who = re.escape(ident or self.ident)
        self.wait_for_log(rf"subscribed\b.*\bident={who}\b.*\bchannel={re.escape(channel)}\b")

    def wait_for_log(self, pattern: str, since: int = 0) -> str:
        """The first line from number `since` on that matches; waits for one to come."""
        wanted = re.compile(pattern)
        end = time.monotonic() + WAIT_SECONDS
        at = since
        with self._changed:
            while True:
                for line in self.log[at:]:
                    if wanted.search(line):
                        return line
                at = len(self.log)
                running = self._process is not None and self._process.poll() is None
                if time.monotonic() >= end or not (self._changed.wait(1) or running):
                    raise AssertionError(f"the broker did not log {pattern}:\n{''.join(self.log)}")

    def _set_key(self, ident: str, secret: str, publish: list[str], subscribe: list[str]) -> None:
        self._keys[ident] = {"owner": "test", "secret": secret, "pubchans": publish, "subchans": subscribe}
        written = self._keys_file.with_suffix(".new")
        written.write_text(json.dumps(self._keys), encoding="utf-8")
        os.replace(written, self._keys_file)

    def _read_log(self, stream: Iterator[str]) -> None:
        for line in stream:
            with self._changed:
                self.log.append(line)
                self._changed.notify_all()


@pytest.fixture
def hpfeeds_broker() -> Iterator[Broker]:
    """A running broker of its own for every test."""
    with tempfile.TemporaryDirectory(prefix="hpfeeds-") as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


@pytest.fixture
def hpfeeds_client(hpfeeds_broker: Broker) -> Iterator[client.Client]:
    """A blocking client of that broker, with all its channels: publish(), subscribe(), read(timeout)."""
    session = client.Client(hpfeeds_broker.host, hpfeeds_broker.port, hpfeeds_broker.ident, hpfeeds_broker.secret)
    yield session
    session.close()


@pytest.fixture
def hpfeeds_client_factory(hpfeeds_broker: Broker) -> Iterator[Callable[..., client.Client]]:
    """Makes more of them: hpfeeds_client_factory(ident="other", secret="…")."""
    made: list[client.Client] = []

    def make(ident: str = hpfeeds_broker.ident, secret: str = hpfeeds_broker.secret, **options: object) -> client.Client:
        made.append(client.new(hpfeeds_broker.host, hpfeeds_broker.port, ident, secret, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for session in made:
        session.close()
