# SPDX-License-Identifier: Apache-2.0
"""Every Python example of the documentation runs. README.md lists what had to be corrected in them."""
from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import tls_proxy

EXAMPLES = pathlib.Path(__file__).parent / "documentation"


def example(name, ports):
    """Its text, with the ports that the system gave instead of those that the documentation invented."""
    text = (EXAMPLES / name).read_text(encoding="utf-8").replace("'localhost'", "'127.0.0.1'")
    return re.sub(r"\b(10000|10001|10002|10004|20000)\b", lambda found: str(ports[found[0]]), text)


def on(broker):
    return dict.fromkeys(["10000", "20000"], broker.port)


@pytest.fixture
def subscriber(broker, connect):
    """A client that already listens to every channel."""
    client = connect()
    for channel in broker.channels:
        client.subscribe(channel)
    broker.wait_for_subscription(broker.channels[-1])
    return client


@pytest.mark.parametrize("name, channel, payload", [
    ("asyncio_publish.py", "channel", b'{"data": "fefefefefefef"}'),
    ("blocking_publish.py", "channel", b"payload"),
    ("twisted_service.py", "...", b"..."),
    ("twisted_async_with.py", "...", b"...."),
    ("twisted_publish.py", "channel", b'{"data": "fefefefefefef"}'),
])
def test_publishing(broker, subscriber, script, name, channel, payload):
    output, errors = script(example(name, on(broker))).end()
    assert subscriber.read(timeout=60) == ("ident", channel, payload)
    assert output == ""
    assert "Error" not in errors and "Traceback" not in errors


@pytest.mark.parametrize("name, channel, said", [
    ("asyncio_listen.py", "channel", "b'event'"),
    ("blocking_listen.py", "cowrie.sessions", "ident b'event'"),
    ("twisted_listen.py", "channel", "b'event'"),
    ("twisted_async_for.py", "test-channel", "b'event'"),
])
def test_listening(broker, connect, script, name, channel, said):
    listening = script(example(name, on(broker)))
    broker.wait_for_subscription(channel)
    publisher = connect()
    for _ in range(3):
        publisher.publish(channel, b"event")
    assert [listening.line() for _ in range(3)] == [said] * 3
    listening.process.send_signal(signal.SIGINT)
    listening.process.communicate(timeout=60)


def test_listening_ends_when_the_broker_refuses(broker, script):
    broker.add_key("nosy", "secret")
    refused = script(example("blocking_listen.py", on(broker)).replace("'ident'", "'nosy'"))
    _, errors = refused.end()
    assert " -> errormessage from server: Authkey not allowed to sub here. ident=nosy, chan=cowrie.sessions" in errors


def test_publishing_from_an_iterator(broker, subscriber, script):
    source = example("asyncio_iterator.py", on(broker)).replace("asyncio.sleep(1)", "asyncio.sleep(0.01)")
    script(source)
    assert [subscriber.read(timeout=60) for _ in range(5)] == [("ident", "channel", b"payload")] * 5


def test_aiostream(four_brokers, script):
    pytest.importorskip("aiostream")
    import hpfeeds

    first, second, third, last = four_brokers
    listener = hpfeeds.new(last.host, last.port, "ident", "secret")
    listener.subscribe("out-channel")
    ports = {"10000": first.port, "10001": second.port, "10002": third.port, "10004": last.port}
    script(example("asyncio_aiostream.py", ports))
    for number, broker in enumerate((first, second, third)):
        broker.wait_for_subscription("in-channel")
        with hpfeeds.new(broker.host, broker.port, "ident", "secret") as publisher:
            publisher.publish("in-channel", json.dumps({"hashes": []}).encode())
            publisher.publish("in-channel", json.dumps({"hashes": ["0a"], "number": number}).encode())
    came = [json.loads(listener.read(timeout=60)[2]) for _ in range(3)]
    assert sorted(event["number"] for event in came) == [0, 1, 2]
    listener.close()


@pytest.mark.parametrize("name", ["blocking_new.py", "blocking_no_reconnect.py"])
def test_making_a_client(broker, subscriber, script, name):
    script(example(name, on(broker)) + "client.publish('channel', b'made')\nclient.close()\n").end()
    assert subscriber.read(timeout=60) == ("ident", "channel", b"made")


def test_making_a_client_without_a_broker_fails_when_it_must_not_reconnect(script):
    ports = {"10000": 1}
    _, errors = script(example("blocking_no_reconnect.py", ports)).end(status=1)
    assert "FeedException: Could not connect to broker 127.0.0.1: " in errors


def test_tls(broker, subscriber, script, tmp_path):
    certificate, key = tls_proxy.make_certificate(tmp_path)
    with tls_proxy.TlsProxy(broker, certificate, key) as proxy:
        source = example("blocking_tls.py", {"10000": proxy.port}).replace("path/to/certificate.pem", str(certificate))
        script(source + "client.publish('channel', b'hidden')\nclient.close()\n").end()
    assert subscriber.read(timeout=60) == ("ident", "channel", b"hidden")


def test_the_twisted_application(broker, subscriber, tmp_path):
    """twistd starts the service, and stops it with the application."""
    tac = tmp_path / "application.tac"
    tac.write_text(example("twisted_application.tac", on(broker)) + "client.publish('channel', b'from twistd')\n")
    process = subprocess.Popen(
        [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--nodaemon", "--pidfile=", "-y", str(tac)],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert subscriber.read(timeout=60) == ("ident", "channel", b"from twistd")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        assert "Traceback" not in output and "Unhandled" not in output
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_every_example_is_in_a_test():
    text = pathlib.Path(__file__).read_text(encoding="utf-8")
    assert [file.name for file in sorted(EXAMPLES.iterdir()) if f'"{file.name}"' not in text] == []
