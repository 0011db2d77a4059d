# SPDX-License-Identifier: Apache-2.0
"""What the tests of the package share. They run against an installed package; scripts/test-python installs it."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from hpfeeds.pytest_plugin import Broker

HERE = pathlib.Path(__file__).parent
DEADLINE = 90.0 * float(os.environ.get("HPFEEDS_TEST_SCALE", "1"))
CHANNELS = ["channel", "in-channel", "out-channel", "test-channel", "cowrie.sessions", "...", "test"]


@pytest.fixture
def broker():
    with tempfile.TemporaryDirectory(prefix="hpfeeds-") as folder:
        running = Broker(pathlib.Path(folder), CHANNELS)
        running.start()
        yield running
        running.stop()


@pytest.fixture
def four_brokers():
    with tempfile.TemporaryDirectory(prefix="hpfeeds-") as folder:
        brokers = []
        for number in range(4):
            place = pathlib.Path(folder, str(number))
            place.mkdir()
            brokers.append(Broker(place, CHANNELS))
            brokers[-1].start()
        yield brokers
        for running in brokers:
            running.stop()


@pytest.fixture(scope="session")
def reference_python():
    """The interpreter of a virtual environment that holds the reference package."""
    python = os.environ.get("HPFEEDS_REFERENCE_PYTHON")
    if not python:
        pytest.skip("HPFEEDS_REFERENCE_PYTHON names no interpreter with the reference package; see scripts/test-python")
    return python


class Script:
    """A Python program in a process of its own, whose lines a test waits for."""

    def __init__(self, source, *arguments, python=sys.executable, **options):
        self.process = subprocess.Popen(
            [python, "-u", "-X", "dev", "-c", source, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **options)

    def line(self):
        """The next line of its output."""
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate(timeout=DEADLINE)
            raise AssertionError(f"the script ended with {self.process.returncode}:\n{errors}")
        return line.rstrip("\n")

    def end(self, status=0):
        """Waits for its end; returns what is left of its output, and its errors."""
        output, errors = self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == status, (self.process.returncode, output, errors)
        return output, errors


@pytest.fixture
def script():
    started = []

    def start(source, *arguments, **options):
        started.append(Script(source, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture
def connect(broker):
    """Blocking clients of the broker, closed at the end."""
    import hpfeeds

    made = []

    def make(ident="ident", secret="secret", **options):
        made.append(hpfeeds.new(broker.host, broker.port, ident, secret, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()
