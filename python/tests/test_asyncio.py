# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import logging
import os
import ssl

import pytest
import scripted_broker
import tls_proxy
from scripted_broker import ScriptedBroker

import hpfeeds
from hpfeeds._outbox import Outbox
from hpfeeds.asyncio import BaseProtocol, ClientProtocol, ClientSession
from hpfeeds.asyncio import inbox
from hpfeeds.protocol import msgauth, msgerror, msginfo, msgpublish, msgsubscribe, msgunsubscribe


def uvloop_or_skip():
    return pytest.importorskip("uvloop").new_event_loop()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop_or_skip], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine in a loop of its own, with a deadline; nothing may be left over."""
    loop = request.param()
    complaints = []
    loop.set_exception_handler(lambda loop, context: complaints.append(context))

    def call(coroutine):
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    yield call
    left = asyncio.all_tasks(loop)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    gc.collect()
    assert left == set() and complaints == []


def session(broker, **options):
    return ClientSession(broker.host, broker.port, "ident", "secret", **options)


@pytest.mark.parametrize(
    "payload", ["text", b"bytes", bytearray(b"array"), memoryview(b"view"), b"", os.urandom(900000)],
    ids=["str", "bytes", "bytearray", "memoryview", "empty", "large"])
def test_payloads_of_every_type(broker, run, payload):
    async def main():
        async with session(broker) as client:
            client.subscribe("test")
            client.publish("test", payload)
            return await client.read()

    wanted = payload.encode() if isinstance(payload, str) else bytes(payload)
    assert run(main()) == ("ident", "test", wanted)


def test_what_cannot_be_said(broker, run):
    async def main():
        async with session(broker) as client:
            for call, kind in [
                (lambda: client.publish("test", bytes(1 << 20)), hpfeeds.MessageTooBig),
                (lambda: client.publish("x" * 256, b""), ValueError),
                (lambda: client.publish("test", None), TypeError),
                (lambda: client.publish(None, b""), TypeError),
                (lambda: client.subscribe("x" * 256), ValueError),
                (lambda: client.subscribe(5), TypeError),
                (lambda: ClientSession("h", 1, "i" * 256, "s"), ValueError),
                (lambda: ClientSession("h", 1, None, "s"), TypeError),
                (client.__enter__, TypeError),
            ]:
                with pytest.raises(kind):
                    call()
            client.subscribe("test")
            client.publish("test", b"still here")
            return await client.read()

    assert run(main())[2] == b"still here"


def test_subscribing_and_unsubscribing(broker, run):
    async def main():
        async with session(broker) as client:
            client.subscribe("test")
            client.subscribe("channel")
            client.subscribe("channel")
            client.unsubscribe("test")
            client.unsubscribe("never")
            client.publish("test", b"not for us")
            client.publish("channel", b"for us")
            assert client.subscriptions == {"channel"}
            return await client.read()

    assert run(main()) == ("ident", "channel", b"for us")


def test_async_for_ends_with_close(broker, run):
    async def main():
        client = session(broker)
        await client.when_connected
        client.subscribe("test")
        for number in range(3):
            client.publish("test", b"%d" % number)
        seen = []
        async for message in client:
            seen.append(message[2])
            if len(seen) == 3:
                await client.close()
        with pytest.raises(EOFError):
            await client.read()
        with pytest.raises(RuntimeError, match="the session is closed"):
            client.publish("test", b"")
        await client.close()
        return seen

    assert run(main()) == [b"0", b"1", b"2"]


def test_a_waiting_reader_is_told_of_the_end(broker, run):
    async def main():
        client = session(broker)
        await client.when_connected
        reading = [asyncio.ensure_future(client.read()) for _ in range(2)]
        await asyncio.sleep(0)
        await client.close()
        return await asyncio.gather(*reading, return_exceptions=True)

    assert [type(result) for result in run(main())] == [EOFError, EOFError]


def test_a_cancelled_read_loses_nothing(broker, run):
    async def main():
        async with session(broker) as client:
            client.subscribe("test")
            cancelled = asyncio.ensure_future(client.read())
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            client.publish("test", b"1")
            return await client.read()

    assert run(main())[2] == b"1"


def test_published_before_there_is_a_connection(broker, run):
    async def main():
        client = session(broker)
        client.subscribe("test")
        for number in range(100):
            client.publish("test", b"%d" % number)
        async with client:
            return [(await client.read())[2] for _ in range(100)]

    assert run(main()) == [b"%d" % number for number in range(100)]


def test_a_restarted_broker_is_found_again(broker, run):
    async def main():
        async with session(broker) as client:
            client.subscribe("test")
            client.publish("test", b"before")
            await client.read()
            await asyncio.get_running_loop().run_in_executor(None, broker.stop)
            while client.protocol is not None:
                await asyncio.sleep(0.001)
            waiting = client.when_connected
            assert not waiting.done()
            client.publish("test", b"meanwhile")
            await asyncio.get_running_loop().run_in_executor(None, broker.start)
            await waiting
            return await client.read()

    assert run(main())[2] == b"meanwhile"


@pytest.mark.parametrize("step", scripted_broker.STEPS)
def test_a_broker_that_goes_away_at_any_step_is_tried_again(step, run):
    def good(connection):
        connection.greet()
        assert connection.frame()[0] == 4
        connection.send(msgpublish("i", "test", b"at last"))
        connection.await_end()

    async def main(broker):
        async with session(broker) as client:
            client._pace._first = 0.01
            client.subscribe("test")
            return await client.read()

    with ScriptedBroker(step, good) as broker:
        assert run(main(broker)) == ("i", "test", b"at last")


def test_closing_before_there_is_a_connection(run):
    async def main(broker):
        client = session(broker)
        await asyncio.sleep(0)
        await client.close()
        assert client.when_connected.cancelled()

    with ScriptedBroker(lambda connection: connection.await_end()) as broker:
        run(main(broker))


def test_entering_can_be_cancelled(run):
    async def main(broker):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session(broker).__aenter__(), 0.05)

    with ScriptedBroker(lambda connection: connection.await_end()) as broker:
        run(main(broker))


def test_what_the_broker_complains_of(broker, run, caplog):
    async def main():
        async with session(broker) as client:
            client.publish("forbidden", b"x")
            while client.last_error is None:
                await asyncio.sleep(0.001)
            return client.last_error

    assert run(main()) == "Authkey not allowed to pub here. ident=ident, chan=forbidden"
    assert "says: Authkey not allowed to pub here" in caplog.text


def test_reading_pauses_while_nobody_reads(run, monkeypatch):
    """The broker's bytes stay in its socket: 30 MB sent, and far less received."""
    sent = []
    payload = bytes(100_000)

    def flood(connection):
        connection.greet()
        connection.frame()
        connection.socket.settimeout(0.2)  # a kernel takes no more from here
        try:
            while len(sent) < 300:
                connection.send(msgpublish("i", "test", payload))
                sent.append(1)
        except OSError:
            sent.append("stalled")
        connection.socket.settimeout(None)
        connection.await_end()

    async def main(broker):
        async with session(broker) as client:
            client.subscribe("test")
            while "stalled" not in sent:
                assert len(sent) < 300
                await asyncio.sleep(0.005)
            assert client.read_queue.paused
            assert client.read_queue.qsize() * len(payload) < 2 * inbox.BYTES_HIGH
            for _ in range(len(sent) - 2):
                assert (await client.read())[2] == payload
            assert not client.read_queue.paused

    with ScriptedBroker(flood) as broker:
        run(main(broker))


def test_an_iterable_is_published_at_the_brokers_pace(run):
    """A broker that does not read stops the iterable, instead of filling the memory."""
    given = []
    read = []

    def stall(connection):
        connection.greet()
        while len(read) < 400 and (frame := connection.frame()) is not None:
            if not read:
                release.wait(60)
            read.append(frame)

    import threading

    release = threading.Event()

    async def payloads():
        for _ in range(400):
            given.append(1)
            yield bytes(100_000)

    async def main(broker):
        async with session(broker) as client:
            publishing = asyncio.ensure_future(client.publish_async_iterable("test", payloads()))
            before = -1
            while before != len(given) or not given:
                before = len(given)
                await asyncio.sleep(0.1)
            assert len(given) < 200
            release.set()
            await publishing

    with ScriptedBroker(stall) as broker:
        run(main(broker))
    assert len(read) == 400


def test_a_full_outbox_drops_the_oldest_and_says_so(broker, run, caplog):
    async def main():
        client = session(broker)
        client._outbox = Outbox(bytes_max=16_500_000)
        for number in range(40):
            client.publish("test", b"%d:" % number + bytes(1_000_000))
        client.subscribe("test")
        async with client:
            return int((await client.read())[2].split(b":")[0])

    assert run(main()) == 40 - 16
    assert "dropped, the oldest first" in caplog.text


def test_the_last_messages_arrive_though_nobody_read(broker, run, connect):
    """A socket that is closed with unread bytes is reset, and what was sent last could be lost."""
    listener = connect()
    listener.subscribe("channel")
    broker.wait_for_subscription("channel")

    async def main():
        async with session(broker) as client:
            client.subscribe("test")
            for _ in range(50):
                client.publish("test", bytes(200_000))
            client.publish("channel", b"last")

    run(main())
    assert listener.read(60)[2] == b"last"


def test_tls(broker, run, tmp_path):
    certificate, key = tls_proxy.make_certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(certificate))

    async def main(port):
        async with ClientSession("127.0.0.1", port, "ident", "secret", ssl=context) as client:
            client.subscribe("test")
            client.publish("test", b"hidden")
            return await client.read()

    with tls_proxy.TlsProxy(broker, certificate, key) as proxy:
        assert run(main(proxy.port)) == ("ident", "test", b"hidden")


def test_a_loop_that_is_closed_too_early(broker, script):
    """No crash; publishing afterwards is an error with words."""
    output, errors = script("""
import asyncio, gc, sys
from hpfeeds.asyncio import ClientSession
async def main():
    client = ClientSession("127.0.0.1", int(sys.argv[1]), "ident", "secret")
    await client.when_connected
    return client
loop = asyncio.new_event_loop()
client = loop.run_until_complete(main())
loop.close()
try:
    for _ in range(3):
        client.publish("test", b"x" * 1000000)
except RuntimeError as error:
    print("RuntimeError", error)
del client
gc.collect()
print("alive")
""", broker.port).end()
    assert output.endswith("alive\n")


def test_asyncio_run_ends_an_open_session(broker, script):
    _, errors = script("""
import asyncio, sys
from hpfeeds.asyncio import ClientSession
async def main():
    client = ClientSession("127.0.0.1", int(sys.argv[1]), "ident", "secret")
    await client.when_connected
asyncio.run(main())
""", broker.port).end()
    assert "Traceback" not in errors and "pending" not in errors


# --- The protocol classes ---------------------------------------------------------------------------------------------

class Recorder:
    def __init__(self):
        self.written = []
        self.closed = False

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closed = True


class Told(BaseProtocol):
    def __init__(self):
        super().__init__()
        self.told = []
        self.connection_made(Recorder())

    def protocol_error(self, reason):
        self.told.append(("protocol_error", reason))


for _name in ("error", "info", "auth", "publish", "subscribe", "unsubscribe"):
    setattr(Told, f"on_{_name}", lambda self, *values, _name=_name: self.told.append((_name, *values)))


def test_base_protocol_tells_each_message():
    protocol = Told()
    stream = b"".join([msginfo("n", b"rand"), msgauth(b"rand", "i", "s"), msgpublish("i", "c", b"p"),
                       msgsubscribe("i", "c"), msgunsubscribe("i", "c"), msgerror("e")])
    for at in range(len(stream)):
        protocol.data_received(stream[at:at + 1])
    assert [told[0] for told in protocol.told] == ["info", "auth", "publish", "subscribe", "unsubscribe", "error"]
    assert protocol.told[2] == ("publish", "i", "c", b"p")


@pytest.mark.parametrize("data, reason", [
    (b"\x00\x00\x00\x05\x09", "Unknown opcode: 9"),
    (b"\x00\x00\x00\x00\x03", "Length below the header: 0"),
    (b"\x00\x00\x00\x07\x03\x05a", "A string runs past the end of its message"),
    (b"\x00\x20\x00\x00\x03", "Message too big; op 3 ml: 2097152 max_ml: 1048581"),
    (b"\x00\x00\x00\x08\x03\x01\xff\x00", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
])
def test_base_protocol_closes_on_what_is_not_hpfeeds(data, reason):
    protocol = Told()
    protocol.data_received(data)
    assert protocol.told == [("protocol_error", reason)] and protocol.transport.closed


def test_client_protocol_logs_in_and_keeps_to_its_side():
    class Client(ClientProtocol):
        ready = False

        def connection_ready(self):
            self.ready = True

    protocol = Client("i", "s")
    protocol.connection_made(Recorder())
    protocol.data_received(msginfo("n", b"rand"))
    assert protocol.transport.written == [msgauth(b"rand", "i", "s")] and protocol.ready
    for message in (msgauth(b"rand", "i", "s"), msgsubscribe("i", "c"), msgunsubscribe("i", "c")):
        protocol.transport.closed = False
        protocol.data_received(message)
        assert protocol.transport.closed
    for call in (lambda: protocol.error("e"), lambda: protocol.info("n", b"r")):
        with pytest.raises(RuntimeError):
            call()


def test_unhandled_messages_are_a_programming_error():
    protocol = BaseProtocol()
    protocol.connection_made(Recorder())
    with pytest.raises(NotImplementedError):
        protocol.data_received(msgpublish("i", "c", b""))


logging.getLogger("asyncio").setLevel(logging.WARNING)
