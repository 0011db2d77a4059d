# SPDX-License-Identifier: Apache-2.0
"""The installed package: its programs, its types, its fixtures."""
from __future__ import annotations

import importlib.metadata
import inspect
import os
import pathlib
import subprocess
import sys

import pytest

import hpfeeds
from hpfeeds import _native, protocol
from hpfeeds.scripts.program import find

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", ["hpfeeds-broker", "hpfeeds"])
def test_the_programs(name):
    """Real ones, not a script that starts Python."""
    with open(find(name), "rb") as file:
        assert file.read(4) == b"\x7fELF"
    said = subprocess.run([find(name), "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(name)


@pytest.mark.parametrize("module, name", [("hpfeeds.scripts.broker", "hpfeeds-broker"), ("hpfeeds.scripts.cli", "hpfeeds")])
def test_the_programs_as_modules(module, name):
    said = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith(name)


def test_a_program_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("HPFEEDS_BROKER_BIN", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none is not there; install the package hpfeeds again"):
        find("hpfeeds-broker")


def test_the_command_line_beside_the_client(broker, connect):
    client = connect()
    client.subscribe("test")
    broker.wait_for_subscription("test")
    subprocess.run(
        [find("hpfeeds"), "publish", "--host", broker.host, "-p", str(broker.port), "-i", "ident", "-s", "secret",
         "-c", "test", '{"event": "ping"}'], check=True, capture_output=True)
    assert client.read(60) == ("ident", "test", b'{"event": "ping"}')


def test_the_metadata():
    metadata = importlib.metadata.metadata("hpfeeds")
    assert metadata["Name"] == "hpfeeds" and metadata["Requires-Python"] == ">=3.9"
    assert {"broker", "twisted"} <= set(metadata.get_all("Provides-Extra"))
    assert [file for file in importlib.metadata.files("hpfeeds") if file.name == "py.typed"] or os.environ.get("PYTHONPATH")


def test_every_name_of_the_protocol_is_there():
    for name in protocol.__all__:
        assert hasattr(protocol, name)
    assert protocol.SIZES == {0: 1048581, 1: 281, 2: 281, 3: 1048581} and protocol.MAXBUF == 1048576


def test_sizes_can_be_raised(monkeypatch):
    monkeypatch.setitem(protocol.SIZES, protocol.OP_PUBLISH, 10)
    unpacker = protocol.Unpacker()
    unpacker.feed(protocol.msgpublish("i", "c", b"12345"))
    with pytest.raises(protocol.MessageTooBig, match="op 3 ml: 14 max_ml: 10"):
        next(unpacker)
    monkeypatch.setitem(protocol.SIZES, protocol.OP_PUBLISH, 10 << 20)
    unpacker.reset()
    unpacker.feed(protocol.msgpublish("i", "c", bytes(5 << 20)))
    assert len(next(unpacker)[1]) == (5 << 20) + 4


def test_the_unpacker_can_be_subclassed():
    class Counting(protocol.Unpacker):
        def __init__(self):
            super().__init__()
            self.fed = 0

        def feed(self, data):
            self.fed += len(data)
            super().feed(data)

    unpacker = Counting()
    unpacker.feed(protocol.msgerror("x"))
    assert unpacker.fed == 6 and unpacker.ready() and unpacker.pop() == (0, b"x") and not unpacker.ready()
    assert list(iter(unpacker)) == []


def test_the_stub_tells_of_every_native_name():
    stub = pathlib.Path(inspect.getfile(hpfeeds)).with_name("_native.pyi").read_text(encoding="utf-8")
    public = [name for name in dir(_native) if not name.startswith("_")]
    assert [name for name in public if f"def {name}(" not in stub and f"class {name}:" not in stub
            and f"{name}: " not in stub] == []


def test_the_types(tmp_path):
    pytest.importorskip("mypy")
    good = tmp_path / "good.py"
    good.write_text(
        "import hpfeeds\nfrom hpfeeds.asyncio import ClientSession\nfrom hpfeeds.protocol import readpublish\n"
        "client: hpfeeds.Client = hpfeeds.new('h', 1, 'i', 's')\n"
        "async def main(session: ClientSession) -> str:\n"
        "    ident, channel, payload = await session.read()\n"
        "    session.publish(channel, payload)\n    return ident\n"
        "a: str = readpublish(b'')[1]\n")
    bad = tmp_path / "bad.py"
    bad.write_text("import hpfeeds\nclient = hpfeeds.new('h', 1, 'i', 's')\nclient.publish('c', 5)\n")
    for file, status in ((good, 0), (bad, 1)):
        result = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(file)],
            capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode == status, result.stdout


def test_the_fixtures(pytester):
    """What a honeypot's own tests would look like."""
    pytester.makepyfile("""
        def test_a_report(hpfeeds_broker, hpfeeds_client, hpfeeds_client_factory):
            hpfeeds_client.subscribe("cowrie.sessions")
            hpfeeds_broker.wait_for_subscription("cowrie.sessions")
            hpfeeds_broker.add_key("sensor", "hush", publish=["cowrie.sessions"])
            sensor = hpfeeds_client_factory("sensor", "hush")
            sensor.publish("cowrie.sessions", b"{}")
            assert hpfeeds_client.read(timeout=60) == ("sensor", "cowrie.sessions", b"{}")

        def test_a_broker_that_restarts(hpfeeds_broker, hpfeeds_client):
            port = hpfeeds_broker.port
            hpfeeds_broker.kill()
            hpfeeds_broker.start()
            assert hpfeeds_broker.port == port
            hpfeeds_client.subscribe("test")
            hpfeeds_client.publish("test", b"x")
            assert hpfeeds_client.read(timeout=60)[2] == b"x"
    """)
    arguments = [] if importlib.metadata.entry_points().select(group="pytest11", name="hpfeeds") else [
        "-p", "hpfeeds.pytest_plugin"]
    pytester.runpytest_subprocess("-p", "no:asyncio", *arguments).assert_outcomes(passed=2)
