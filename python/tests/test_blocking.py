# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import socket

import threading
import time

import pytest
import scripted_broker
import tls_proxy
from scripted_broker import ScriptedBroker

import hpfeeds
import hpfeeds.client
from hpfeeds.protocol import OP_PUBLISH, msgerror, msgpublish, readpublish


def stay(connection):
    connection.greet()
    connection.await_end()


def test_the_names_that_programs_import():
    from hpfeeds import BadClient, Disconnect, FeedException, MessageTooBig, ProtocolException, client, new
    from hpfeeds.client import Client, SslClient  # noqa: F401

    assert client.new is new
    assert issubclass(BadClient, ProtocolException) and issubclass(MessageTooBig, ProtocolException)
    assert issubclass(ProtocolException, Disconnect) and not issubclass(Disconnect, FeedException)


@pytest.mark.parametrize(
    "payload", ["text", b"bytes", bytearray(b"array"), memoryview(b"view"), b"", os.urandom(500000)],
    ids=["str", "bytes", "bytearray", "memoryview", "empty", "large"])
def test_payloads_of_every_type(broker, connect, payload):
    client = connect()
    client.subscribe("test")
    client.publish("test", payload)
    wanted = payload.encode() if isinstance(payload, str) else bytes(payload)
    assert client.read(timeout=60) == ("ident", "test", wanted)


def test_several_channels_at_once(broker, connect):
    client = connect()
    client.subscribe(["channel", "test"])
    client.publish(["test", "channel"], b"x")
    assert [client.read(60)[1], client.read(60)[1]] == ["test", "channel"]
    assert client.publish_many("test", (b"%d" % number for number in range(5000))) == 5000
    assert [client.read(60)[2] for _ in range(5000)] == [b"%d" % number for number in range(5000)]


def test_unsubscribe(broker, connect):
    client = connect()
    client.subscribe(["channel", "test"])
    client.unsubscribe("test")
    assert client.subscriptions == {"channel"}
    client.publish("test", b"not for us")
    client.publish("channel", b"for us")
    assert client.read(60) == ("ident", "channel", b"for us")


@pytest.mark.parametrize("call, kind, words", [
    (lambda client: client.publish("test", bytes(1 << 20)), hpfeeds.MessageTooBig, "max_ml: 1048581"),
    (lambda client: client.publish("x" * 256, b""), ValueError, "channel has 256 bytes"),
    (lambda client: client.publish("test", 5), TypeError, "payload must be str or bytes, not int"),
    (lambda client: client.publish("test", None), TypeError, "payload must be str or bytes, not NoneType"),
    (lambda client: client.publish([5], b""), TypeError, "channel must be str or bytes, not int"),
    (lambda client: client.publish(5, b""), TypeError, "not iterable"),
    (lambda client: client.subscribe(5), TypeError, "not iterable"),
    (lambda client: client.subscribe("é" * 128), ValueError, "channel has 256 bytes"),
])
def test_what_cannot_be_said(broker, connect, call, kind, words):
    client = connect()
    with pytest.raises(kind, match=words):
        call(client)
    client.subscribe("test")
    client.publish("test", b"still here")
    assert client.read(60)[2] == b"still here"


@pytest.mark.parametrize("arguments, kind", [
    ((None, 1, "i", "s"), TypeError), (("h", None, "i", "s"), TypeError), (("h", 0, "i", "s"), ValueError),
    (("h", 65536, "i", "s"), ValueError), (("h", 1, 5, "s"), TypeError), (("h", 1, "i", 5), TypeError),
    (("h", 1, "i" * 256, "s"), ValueError), (("h", 1), TypeError),
])
def test_arguments_of_no_use(arguments, kind):
    with pytest.raises(kind):
        hpfeeds.new(*arguments)


def test_idents_and_channels_that_are_not_utf8(connect):
    """They come as lone surrogates, which are published as the same bytes again."""
    heard = []

    def act(connection):
        connection.greet()
        connection.send(msgpublish(b"caf\xe9", b"\xff", b"x"))
        heard.append(connection.frame())
        connection.await_end()

    with ScriptedBroker(act) as broker, hpfeeds.new(broker.host, broker.port, b"\xe9", "s") as client:
        ident, channel, payload = client.read(60)
        assert (ident, channel, payload) == ("caf\udce9", "\udcff", b"x")
        client.publish(channel, payload)
    assert heard == [(OP_PUBLISH, b"\x01\xe9\x01\xffx")]


def test_run_hands_out_messages_and_errors(broker, connect):
    said = []
    client = connect()
    client.subscribe("test")
    for number in range(3):
        client.publish("test", b"%d" % number)
    client.publish("forbidden", b"x")

    def on_error(text):
        said.append(text)
        client.stop()

    client.run(lambda *message: said.append(message), on_error)
    assert said == [("ident", "test", b"0"), ("ident", "test", b"1"), ("ident", "test", b"2"),
                    "Authkey not allowed to pub here. ident=ident, chan=forbidden"]


def test_what_a_callback_raises_comes_out_of_run(broker, connect):
    client = connect()
    client.subscribe("test")
    client.publish("test", b"1")
    client.publish("test", b"2")
    with pytest.raises(ZeroDivisionError):
        client.run(lambda *_: 1 / 0, print)
    seen = []

    def on_message(ident, channel, payload):
        seen.append(payload)
        client.stop()

    client.run(on_message, print)
    assert seen == [b"2"]


def test_wait_returns_what_the_broker_complains_of(broker, connect):
    client = connect()
    client.subscribe("test")
    client.publish("test", b"kept")
    client.s.settimeout(7)
    assert client.wait(timeout=0.05) is None
    assert client.s.gettimeout() == 7
    client.publish("forbidden", b"x")
    assert client.wait(timeout=60) == "Authkey not allowed to pub here. ident=ident, chan=forbidden"
    assert client.read(timeout=60) == ("ident", "test", b"kept")


def test_a_wrong_secret_is_told(broker, connect):
    client = connect(secret="wrong")
    assert client.wait(timeout=60) == "Authentication failed for ident"


def test_read_raises_what_the_broker_complains_of(broker, connect):
    client = connect()
    client.publish("forbidden", b"x")
    with pytest.raises(hpfeeds.FeedException, match="chan=forbidden"):
        client.read(timeout=60)


# --- A session that is lost -------------------------------------------------------------------------------------------

def test_a_restarted_broker_is_found_again(broker, connect):
    client = connect(sleepwait=0.1)
    client.subscribe("test")
    client.publish("test", b"before")
    assert client.read(60)[2] == b"before"
    broker.stop()
    broker.start()
    client.publish("test", b"after")
    assert client.read(60)[2] == b"after"


def test_a_message_that_met_a_closed_connection_is_sent_on_the_next(connect):
    heard = []

    def remember(connection):
        connection.greet()
        heard.append(readpublish(connection.frame()[1]))
        connection.await_end()

    with ScriptedBroker(scripted_broker.close_after_auth, remember) as broker:
        client = hpfeeds.new(broker.host, broker.port, "ident", "secret", sleepwait=0.1)
        assert client.wait(60) is None  # until the end has come
        client.publish("test", b"once")
        client.close()
    assert heard == [("ident", "test", b"once")]


def test_why_a_publisher_was_refused_is_logged(caplog):
    def refuse(connection):
        connection.greet()
        connection.send(msgerror("Authentication failed for ident"))

    with ScriptedBroker(refuse, stay) as broker:
        client = hpfeeds.new(broker.host, broker.port, "ident", "secret", sleepwait=0.1)
        await_peer_gone(client)
        client.publish("test", b"x")
        client.close()
    assert "The broker says: Authentication failed for ident" in caplog.text


def await_peer_gone(client):
    from hpfeeds._native import peer_is_gone

    end = time.monotonic() + 20
    while not peer_is_gone(client.s.fileno()):
        assert time.monotonic() < end
        time.sleep(0.001)  # there is nothing to wait on: the kernel tells nobody


@pytest.mark.parametrize("step", scripted_broker.STEPS)
def test_a_broker_that_goes_away_at_any_step_is_an_exception_without_reconnect(step):
    with ScriptedBroker(step) as broker:
        with pytest.raises((hpfeeds.FeedException, hpfeeds.Disconnect)):
            client = hpfeeds.new(broker.host, broker.port, "ident", "secret", reconnect=False, timeout=60)
            client.subscribe("test")
            client.run(print, print)


@pytest.mark.parametrize("step", scripted_broker.STEPS)
def test_a_broker_that_goes_away_at_any_step_is_tried_again(step):
    def good(connection):
        connection.greet()
        assert connection.frame()[0] == 4
        connection.send(msgpublish("i", "test", b"at last"))
        connection.await_end()

    seen = []
    with ScriptedBroker(step, good) as broker:
        client = hpfeeds.new(broker.host, broker.port, "ident", "secret", sleepwait=0.05)
        client.subscribe("test")

        def on_message(*message):
            seen.append(message)
            client.stop()

        client.run(on_message, print)
        client.close()
    assert seen == [("i", "test", b"at last")]


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(hpfeeds.FeedException, match=r"Could not connect to broker 127\.0\.0\.1: .*refused"):
        hpfeeds.new("127.0.0.1", port, "ident", "secret", reconnect=False)


def test_a_silent_broker_times_out():
    with ScriptedBroker(lambda connection: connection.await_end()) as broker:
        with pytest.raises(hpfeeds.FeedException, match="Connection receive timeout"):
            hpfeeds.new(broker.host, broker.port, "ident", "secret", reconnect=False, timeout=0.05)


def test_closing(broker, connect):
    client = connect()
    client.publish("test", b"x")
    client.close()
    client.close()
    with pytest.raises(hpfeeds.Disconnect, match="the client is closed"):
        client.publish("test", b"y")
    assert client.read(1) is None
    client.run(print, print)


def test_close_waits_until_the_broker_has_read_everything():
    read = []

    def slow(connection):
        connection.greet()
        while (frame := connection.frame()) is not None:
            read.append(frame)

    with ScriptedBroker(slow) as broker:
        client = hpfeeds.new(broker.host, broker.port, "ident", "secret", timeout=60)
        for _ in range(2000):
            client.publish("test", bytes(1000))
        client.close()
    assert len(read) == 2000


# --- Threads and signals ----------------------------------------------------------------------------------------------

def test_other_threads_run_while_one_waits(broker, connect):
    client = connect()
    reader = threading.Thread(target=client.run, args=(print, print))
    reader.start()
    begin = time.monotonic()
    total = sum(range(200000))
    assert total and time.monotonic() - begin < 20  # would never end with the lock held
    client.stop()
    reader.join(60)
    assert not reader.is_alive()


@pytest.mark.parametrize("end", ["stop", "close"])
def test_another_thread_ends_a_run(broker, connect, end):
    client = connect()
    client.subscribe("test")
    broker.wait_for_subscription("test")
    started = threading.Event()

    def on_message(*_):
        started.set()

    reader = threading.Thread(target=client.run, args=(on_message, print))
    reader.start()
    client.publish("test", b"x")
    assert started.wait(60)
    getattr(client, end)()
    reader.join(60)
    assert not reader.is_alive()


def test_frames_of_many_threads_do_not_mix(broker, connect):
    reader, writer = connect(), connect()
    reader.subscribe("test")
    broker.wait_for_subscription("test")

    def publish(name):
        for number in range(300):
            writer.publish("test", b"%d:%d:" % (name, number) + bytes([name]) * 3000)

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    seen = {name: 0 for name in range(8)}
    for _ in range(8 * 300):
        _, _, payload = reader.read(60)
        name, number, rest = payload.split(b":", 2)
        assert int(number) == seen[int(name)] and rest == bytes([int(name)]) * 3000
        seen[int(name)] += 1
    for thread in threads:
        thread.join()


def test_threads_publish_through_restarts(broker, connect):
    """While the broker comes and goes, nothing is raised, and the session is there in the end."""
    client = connect(sleepwait=0.05)
    failures = []
    done = threading.Event()

    def publish():
        try:
            while not done.is_set():
                client.publish("test", bytes(2000))
        except Exception as error:
            failures.append(error)

    reader = threading.Thread(target=client.run, args=(lambda *_: None, print))
    threads = [threading.Thread(target=publish) for _ in range(4)]
    client.subscribe("test")
    for thread in [*threads, reader]:
        thread.start()
    for _ in range(3):
        broker.stop()
        broker.start()
        broker.wait_for_log("subscribed", since=len(broker.log))
    done.set()
    for thread in threads:
        thread.join(60)
    client.stop()
    reader.join(60)
    assert failures == [] and not reader.is_alive()


LISTENER = """
import sys, hpfeeds
client = hpfeeds.new("127.0.0.1", int(sys.argv[1]), "ident", "secret", sleepwait=60)
client.subscribe("test")
try:
    client.run(lambda *_: print("message"), print)
except KeyboardInterrupt:
    print("interrupted")
client.close()
"""


def test_ctrl_c_ends_a_run(broker, connect, script):
    listener = script(LISTENER, broker.port)
    broker.wait_for_subscription("test")
    connect().publish("test", b"x")
    assert listener.line() == "message"
    listener.process.send_signal(signal.SIGINT)
    assert listener.end()[0] == "interrupted\n"


def test_ctrl_c_ends_the_search_for_a_broker(script):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    searching = script(
        "import logging, sys, hpfeeds; logging.basicConfig(stream=sys.stdout)\n"
        f"hpfeeds.new('127.0.0.1', {port}, 'i', 's', sleepwait=60)")
    while "Could not connect" not in searching.line():
        pass
    searching.process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in searching.end(status=-signal.SIGINT)[1]


@pytest.mark.parametrize("call", ["stop", "close"])
def test_a_signal_handler_may_end_a_run(broker, connect, script, call):
    source = LISTENER.replace(
        "try:", f"import signal; signal.signal(signal.SIGTERM, lambda *_: (client.{call}(), print('ended')))\ntry:")
    listener = script(source, broker.port)
    broker.wait_for_subscription("test")
    connect().publish("test", b"x")
    assert listener.line() == "message"
    listener.process.send_signal(signal.SIGTERM)
    assert listener.end()[0] == "ended\n"


def test_a_forked_child_goes_on_with_the_session(broker, connect, script):
    """As daemons do it that connect before they go into the background."""
    listener = connect()
    listener.subscribe("test")
    broker.wait_for_subscription("test")
    script("import os, sys, hpfeeds\n"
           "client = hpfeeds.new('127.0.0.1', int(sys.argv[1]), 'ident', 'secret')\n"
           "if os.fork(): os._exit(0)\n"
           "client.publish('test', b'from the child'); client.close()", broker.port)
    assert listener.read(60)[2] == b"from the child"


def test_gevent(broker, script):
    pytest.importorskip("gevent")
    script("""
import sys
from gevent import monkey; monkey.patch_all()
import gevent, hpfeeds
port = int(sys.argv[1])
reader = hpfeeds.new("127.0.0.1", port, "ident", "secret")
writer = hpfeeds.new("127.0.0.1", port, "ident", "secret")
reader.subscribe("test")
seen = []
def on_message(ident, channel, payload):
    seen.append(payload)
    if len(seen) == 2001: reader.stop()
running = gevent.spawn(reader.run, on_message, print)
ticks = 0
def tick():
    global ticks
    while not running.dead:
        ticks += 1
        gevent.sleep(0)
ticking = gevent.spawn(tick)
reader.publish("test", b"own")
while not seen: gevent.sleep(0.001)
def publish(name):
    for number in range(100):
        writer.publish("test", b"%d:" % name + bytes([name]) * 20000)
        gevent.sleep(0)
gevent.joinall([gevent.spawn(publish, name) for name in range(20)], raise_error=True)
running.join(timeout=60)
assert running.dead and not running.exception, running.exception
assert len(seen) == 2001 and ticks > 10, (len(seen), ticks)
for payload in seen[1:]:
    name, rest = payload.split(b":", 1)
    assert rest == bytes([int(name)]) * 20000
reader.close(); writer.close()
print("whole")
""", broker.port).end()


# --- TLS --------------------------------------------------------------------------------------------------------------

def test_tls_both_ways_from_two_threads(broker, tmp_path):
    certificate, key = tls_proxy.make_certificate(tmp_path)
    with tls_proxy.TlsProxy(broker, certificate, key) as proxy:
        client = hpfeeds.new("127.0.0.1", proxy.port, "ident", "secret", certfile=str(certificate))
        assert isinstance(client, hpfeeds.client.SslClient)
        client.subscribe("test")
        broker.wait_for_subscription("test")
        writer = threading.Thread(target=lambda: [client.publish("test", bytes(20000)) for _ in range(200)])
        writer.start()
        for _ in range(200):
            assert client.read(60) == ("ident", "test", bytes(20000))
        writer.join()
        assert client.wait(0.01) is None
        client.close()


def test_tls_with_a_certificate_nobody_trusts(broker, tmp_path):
    certificate, key = tls_proxy.make_certificate(tmp_path)
    with tls_proxy.TlsProxy(broker, certificate, key) as proxy:
        with pytest.raises(hpfeeds.FeedException, match="certificate verify failed"):
            hpfeeds.new("127.0.0.1", proxy.port, "ident", "secret", tls=True, reconnect=False)


def test_a_certificate_file_that_is_not_there():
    with pytest.raises(hpfeeds.FeedException, match="Could not load the certificate nowhere.pem"):
        hpfeeds.new("127.0.0.1", 1, "ident", "secret", certfile="nowhere.pem")

