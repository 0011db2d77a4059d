# SPDX-License-Identifier: Apache-2.0
"""Our clients and the reference package's broker; its clients and our broker.

The programs in tests/interop were written for the reference package's clients. That they run with ours, unchanged, is
the point of this package.
"""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from hpfeeds.scripts.program import find

HERE = pathlib.Path(__file__).parent
EXCHANGE = HERE.parents[1] / "tests" / "interop" / "exchange.py"
KINDS = ["blocking", "asyncio", "twisted"]


def exchange(python, publisher, subscriber):
    """All events three times, and two restarts of our broker between."""
    result = subprocess.run(
        [python, "-B", str(EXCHANGE), publisher, subscriber], capture_output=True, text=True, timeout=180,
        env={**os.environ, "HPFEEDS_BROKER_BIN": find("hpfeeds-broker")})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "two restarts between" in result.stdout


@pytest.mark.parametrize("publisher, subscriber", [
    ("blocking", "blocking"), ("asyncio", "asyncio"), ("twisted", "twisted"), ("blocking", "twisted"),
    ("asyncio", "blocking")])
def test_programs_for_the_reference_clients_run_with_ours(publisher, subscriber):
    exchange(sys.executable, publisher, subscriber)


@pytest.mark.parametrize("publisher, subscriber", [("blocking", "asyncio"), ("twisted", "blocking")])
def test_the_reference_clients_with_our_broker(reference_python, publisher, subscriber):
    exchange(reference_python, publisher, subscriber)


@pytest.fixture
def reference_broker(reference_python):
    """Its port."""
    process = subprocess.Popen(
        [reference_python, str(HERE / "reference_broker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""})
    port = process.stdout.readline()
    assert port, process.communicate()[1]
    yield int(port)
    process.communicate("", timeout=30)


CONVERSATIONS = {
    "blocking": """
import sys, hpfeeds
client = hpfeeds.new("127.0.0.1", int(sys.argv[1]), "ident", "secret")
client.subscribe("test")
for number in range(1000): client.publish("test", b"%d" % number)
print([client.read(30)[2] for _ in range(1000)] == [b"%d" % number for number in range(1000)])
client.publish("test", bytes(1048576 - 11))
print(client.read(30) == ("ident", "test", bytes(1048576 - 11)))
client.publish("forbidden", b"x")
print(client.wait(30))
client.close()
""",
    "asyncio": """
import asyncio, sys
from hpfeeds.asyncio import ClientSession
async def main():
    async with ClientSession("127.0.0.1", int(sys.argv[1]), "ident", "secret") as client:
        client.subscribe("test")
        for number in range(1000): client.publish("test", b"%d" % number)
        print([(await client.read())[2] for _ in range(1000)] == [b"%d" % number for number in range(1000)])
        client.publish("test", bytes(1048576 - 11))
        print(await client.read() == ("ident", "test", bytes(1048576 - 11)))
        client.publish("forbidden", b"x")
        while client.last_error is None: await asyncio.sleep(0.01)
        print(client.last_error)
asyncio.run(asyncio.wait_for(main(), 60))
""",
    "twisted": """
import sys
from twisted.internet import defer, reactor, task
from hpfeeds.twisted import ClientSessionService
async def main():
    async with ClientSessionService("127.0.0.1", int(sys.argv[1]), "ident", "secret") as client:
        client.subscribe("test")
        for number in range(1000): client.publish("test", b"%d" % number)
        print([(await client.read())[2] for _ in range(1000)] == [b"%d" % number for number in range(1000)])
        client.publish("test", bytes(1048576 - 11))
        print(await client.read() == ("ident", "test", bytes(1048576 - 11)))
        client.publish("forbidden", b"x")
        while client.last_error is None: await task.deferLater(reactor, 0.01)
        print(client.last_error)
task.react(lambda reactor: defer.ensureDeferred(main()).addTimeout(60, reactor))
""",
}


@pytest.mark.parametrize("kind", KINDS)
def test_our_clients_with_the_reference_broker(reference_broker, script, kind):
    output, _ = script(CONVERSATIONS[kind], reference_broker).end()
    assert output.splitlines() == ["True", "True", "Authkey not allowed to pub here. ident=ident, chan=forbidden"]
