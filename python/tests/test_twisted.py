# SPDX-License-Identifier: Apache-2.0
"""The Twisted client. A reactor runs once in a process, so every test that needs one is a script in its own."""
from __future__ import annotations

import textwrap

import pytest
import scripted_broker
import tls_proxy
from scripted_broker import ScriptedBroker

pytest.importorskip("twisted")

from hpfeeds.protocol import msgauth, msginfo, msgpublish  # noqa: E402

PROLOGUE = """
import sys
from twisted.internet import defer, endpoints, reactor, task
from twisted.internet.task import react
from twisted.python import log
from hpfeeds.twisted import ClientSessionService
log.startLogging(sys.stderr, setStdout=False)
port = int(sys.argv[1])
def service(**options):
    return ClientSessionService("127.0.0.1", port, "ident", "secret", **options)
def soon(attempt):
    return 0.01
"""
EPILOGUE = """
react(lambda reactor: defer.ensureDeferred(main()).addTimeout(60, reactor))
"""


@pytest.fixture
def twisted(script):
    """Runs an async main() under react(); returns its output. Nothing may go wrong unseen."""

    def run(source, *arguments):
        output, errors = script(PROLOGUE + textwrap.dedent(source) + EPILOGUE, *arguments).end()
        assert "Traceback" not in errors and "Unhandled" not in errors, errors
        return output.splitlines()

    return run


def test_messages_of_every_type(broker, twisted):
    assert twisted("""
        async def main():
            async with service() as client:
                client.subscribe("test")
                for payload in ("text", b"bytes", bytearray(b"array"), memoryview(b"view"), b"", bytes(900000)):
                    client.publish("test", payload)
                for _ in range(6):
                    ident, channel, payload = await client.read()
                    print(ident, channel, len(payload), payload[:5])
        """, broker.port) == [
        "ident test 4 b'text'", "ident test 5 b'bytes'", "ident test 5 b'array'", "ident test 4 b'view'",
        "ident test 0 b''", f"ident test 900000 {bytes(5)!r}"]


@pytest.mark.parametrize("form", [
    "ClientSessionService('127.0.0.1', port, 'ident', 'secret')",
    "ClientSessionService(host='127.0.0.1', port=port, ident='ident', secret='secret')",
    "ClientSessionService(f'tcp:127.0.0.1:{port}', 'ident', 'secret')",
    "ClientSessionService(endpoint=f'tcp:127.0.0.1:{port}', ident='ident', secret='secret', retryPolicy=soon)",
    "ClientSessionService(endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', port), b'ident', b'secret', soon)",
])
def test_both_forms_of_the_constructor(broker, twisted, form):
    assert twisted(f"""
        async def main():
            async with {form} as client:
                client.subscribe("test")
                client.publish("test", b"x")
                print(await client.read())
        """, broker.port) == ["('ident', 'test', b'x')"]


def test_arguments_of_no_use(twisted):
    assert twisted("""
        async def main():
            for make in (
                lambda: ClientSessionService(5, "i", "s"),
                lambda: ClientSessionService("tcp:h:1", "i"),
                lambda: ClientSessionService("h", 1, "i"),
                lambda: ClientSessionService("h", 1, "i" * 256, "s"),
                lambda: ClientSessionService("h", 1, None, "s"),
                lambda: service().publish("c", bytes(1 << 20)),
                lambda: service().publish("c", None),
                lambda: service().subscribe("c" * 256),
                lambda: service().__enter__(),
            ):
                try: make(); print("nothing")
                except Exception as error: print(type(error).__name__)
        """, 1) == ["ValueError", "TypeError", "TypeError", "TooLong", "TypeError", "MessageTooBig", "TypeError",
                    "TooLong", "TypeError"]


def test_when_connected_as_attribute_and_as_method(broker, twisted):
    assert twisted("""
        async def main():
            client = service()
            early = client.whenConnected
            cancelled = client.whenConnected
            cancelled.addErrback(lambda failure: failure.trap(defer.CancelledError))
            cancelled.cancel()
            assert isinstance(early, defer.Deferred) and not early.called
            client.startService()
            await early
            await client.whenConnected
            await client.whenConnected()
            assert client.whenConnected.called
            await client.stopService()
            assert not client.whenConnected.called
            print("ended")
        """, broker.port) == ["ended"]


def test_it_is_a_service(broker, twisted):
    assert twisted("""
        from twisted.application.service import IService, MultiService
        async def main():
            parent = MultiService()
            client = service()
            assert IService.providedBy(client)
            client.setServiceParent(parent)
            parent.startService()
            await client.whenConnected
            await parent.stopService()
            assert client.protocol is None
            parent.startService()
            await client.whenConnected
            await parent.stopService()
            print("twice")
        """, broker.port) == ["twice"]


def test_async_for_ends_when_the_service_stops(broker, twisted):
    assert twisted("""
        async def main():
            client = service()
            client.startService()
            client.subscribe("test")
            client.publish("test", b"1")
            async for message in client:
                print(message[2])
                reactor.callLater(0, client.stopService)
            print("over")
        """, broker.port) == ["b'1'", "over"]


def test_a_cancelled_read_loses_nothing(broker, twisted):
    assert twisted("""
        async def main():
            async with service() as client:
                first = client.read()
                first.addErrback(lambda failure: failure.trap(defer.CancelledError))
                second = client.read()
                first.cancel()
                client.subscribe("test")
                client.publish("test", b"1")
                client.publish("test", b"2")
                print((await second)[2], (await client.read())[2])
        """, broker.port) == ["b'1' b'2'"]


def test_unsubscribe(broker, twisted):
    assert twisted("""
        async def main():
            async with service() as client:
                client.subscribe("test")
                client.subscribe("channel")
                client.unsubscribe("test")
                client.publish("test", b"not for us")
                client.publish("channel", b"for us")
                print(await client.read(), client.subscriptions)
        """, broker.port) == ["('ident', 'channel', b'for us') {'channel'}"]


def test_a_restarted_broker_is_found_again_and_gets_what_was_published_meanwhile(broker, script):
    client = script(PROLOGUE + """
async def main():
    async with service(retryPolicy=soon) as client:
        client.subscribe("test")
        client.publish("test", b"before")
        print((await client.read())[2])
        while client.protocol is not None:
            await task.deferLater(reactor, 0.005)
        client.publish("test", b"meanwhile")
        print("lost")
        print((await client.read())[2])
""" + EPILOGUE, broker.port)
    assert client.line() == "b'before'"
    broker.stop()
    assert client.line() == "lost"
    broker.start()
    assert client.line() == "b'meanwhile'"
    client.end()


@pytest.mark.parametrize("step", scripted_broker.STEPS)
def test_a_broker_that_goes_away_at_any_step_is_tried_again(step, twisted):
    def good(connection):
        connection.greet()
        assert connection.frame()[0] == 4
        connection.send(msgpublish("i", "test", b"at last"))
        connection.await_end()

    with ScriptedBroker(step, good) as broker:
        assert twisted("""
            async def main():
                async with service(retryPolicy=soon) as client:
                    client.subscribe("test")
                    print(await client.read())
            """, broker.port) == ["('i', 'test', b'at last')"]


def test_stopping_before_there_is_a_connection(twisted):
    with ScriptedBroker(lambda connection: connection.await_end()) as broker:
        assert twisted("""
            async def main():
                client = service()
                client.startService()
                waiting = client.whenConnected
                waiting.addCallbacks(print, lambda failure: print(failure.type.__name__))
                await task.deferLater(reactor, 0.02)
                await client.stopService()
                print("stopped")
            """, broker.port) == ["CancelledError", "stopped"]


def test_what_the_broker_complains_of(broker, twisted):
    assert twisted("""
        async def main():
            async with service() as client:
                client.publish("forbidden", b"x")
                while client.last_error is None:
                    await task.deferLater(reactor, 0.005)
                print(client.last_error)
        """, broker.port) == ["Authkey not allowed to pub here. ident=ident, chan=forbidden"]


def test_reading_pauses_while_nobody_reads(twisted):
    sent = []

    def flood(connection):
        connection.greet()
        connection.frame()
        connection.socket.settimeout(0.2)
        try:
            while len(sent) < 300:
                connection.send(msgpublish("i", "test", bytes(100_000)))
                sent.append(1)
        except OSError:
            sent.append("stalled")
        connection.socket.settimeout(None)
        connection.await_end()

    with ScriptedBroker(flood) as broker:
        assert twisted("""
            async def main():
                async with service() as client:
                    client.subscribe("test")
                    while not client.read_queue.paused:
                        await task.deferLater(reactor, 0.01)
                    await task.deferLater(reactor, 0.3)
                    for _ in range(60):
                        assert len((await client.read())[2]) == 100000
                    print("read")
            """, broker.port) == ["read"]
    assert "stalled" in sent


def test_everything_published_arrives_before_the_service_is_stopped(broker, connect, twisted):
    listener = connect()
    listener.subscribe("test")
    broker.wait_for_subscription("test")
    twisted("""
        async def main():
            async with service() as client:
                for number in range(100):
                    client.publish("test", b"%d:" % number + bytes(200000))
        """, broker.port)
    assert [int(listener.read(60)[2].split(b":")[0]) for _ in range(100)] == list(range(100))


# --- Cowrie -----------------------------------------------------------------------------------------------------------

COWRIE = """
import json
from hpfeeds.twisted import ClientSessionService
from twisted.internet import endpoints, reactor, ssl, task
from twisted.python import log
log.startLogging(sys.stderr, setStdout=False)

class Output:
    # What Cowrie's output plugin for hpfeeds does with this package, in the order in which it does it.
    def start(self, host, port, certificate):
        if certificate:
            with open(certificate) as file:
                options = ssl.optionsForClientTLS(host, ssl.Certificate.loadPEM(file.read()))
            endpoint = endpoints.SSL4ClientEndpoint(reactor, host, port, options)
        else:
            endpoint = endpoints.HostnameEndpoint(reactor, host, port)
        self.client = ClientSessionService(endpoint, "ident", "secret")
        self.client.startService()

    def stop(self):
        self.client.stopService()

    def write(self, entry):
        self.client.publish("cowrie.sessions", json.dumps(entry).encode("utf-8"))

output = Output()
output.start(sys.argv[2], int(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else None)
output.write({"session": "1", "peerIP": "192.0.2.7"})  # before there is a connection
reactor.addSystemEventTrigger("before", "shutdown", output.stop)
task.LoopingCall(lambda: output.write({"session": "2"})).start(0.1, now=False)
reactor.run()
"""


@pytest.mark.parametrize("tls", [False, True])
def test_cowries_plugin(broker, connect, script, tmp_path, tls):
    import json
    import signal

    listener = connect()
    listener.subscribe("cowrie.sessions")
    broker.wait_for_subscription("cowrie.sessions")
    certificate, key = tls_proxy.make_certificate(tmp_path)
    with tls_proxy.TlsProxy(broker, certificate, key) as proxy:
        arguments = [proxy.port, "localhost", certificate] if tls else [broker.port, "127.0.0.1"]
        cowrie = script("import sys" + COWRIE, *arguments)
        assert json.loads(listener.read(60)[2]) == {"session": "1", "peerIP": "192.0.2.7"}
        assert json.loads(listener.read(60)[2]) == {"session": "2"}
        cowrie.process.send_signal(signal.SIGTERM)
        _, errors = cowrie.end(status=-signal.SIGTERM if cowrie.process.wait(30) else 0)
    assert "Traceback" not in errors and "Unhandled" not in errors, errors


# --- The protocol classes ---------------------------------------------------------------------------------------------

def test_the_factory_makes_clients_that_log_in():
    from twisted.internet.testing import StringTransport

    from hpfeeds.twisted import BaseProtocol, ClientFactory, ClientProtocol

    factory = ClientFactory("i", "s")
    protocol = factory.buildProtocol(None)
    assert isinstance(protocol, ClientProtocol) and isinstance(protocol, BaseProtocol)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(msginfo("n", b"rand"))
    assert transport.value() == msgauth(b"rand", "i", "s")
    reasons = []
    protocol.protocolError = reasons.append
    protocol.dataReceived(msgauth(b"rand", "i", "s"))
    protocol.dataReceived(b"\x00\x00\x00\x00\x03")
    assert reasons == ["Unexpected OP_AUTH", "Length below the header: 0"] and transport.disconnecting
    for call in (lambda: protocol.error("e"), lambda: protocol.info("n", b"r")):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(NotImplementedError):
        protocol.unpacker.reset()
        protocol.dataReceived(msgpublish("i", "c", b""))
