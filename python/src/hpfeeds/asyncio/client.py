# SPDX-License-Identifier: Apache-2.0
"""ClientSession: a session with a broker that is made again whenever it is lost.

publish(), subscribe() and unsubscribe() never wait. What is published while there is no connection, or faster than the
broker takes it, waits in an outbox of bounded size; reading stops while nobody reads.
"""
from __future__ import annotations

import asyncio
import collections.abc
import logging
import socket
import sys
from types import TracebackType
from typing import Any, AsyncIterable, Coroutine, Optional

from .._native import Machine
from .._outbox import Outbox
from .._pace import Pace
from ..protocol import OP_PUBLISH, SIZES
from .inbox import Inbox, Message
from .protocol import ClientProtocol, Payload, Text

__all__ = ["ClientSession"]

# A broker that says nothing for so long after connecting is no broker.
_GREETING_SECONDS = 15.0
_GOODBYE_SECONDS = 3.0
_CORKED_BYTES_MAX = 131072
# A connection of this age was of use: if it is lost, the next attempt comes at once.
_USEFUL_SECONDS = 1.0


class _Protocol(ClientProtocol):
    """One connection of a session; the session's machine does the talking."""

    def __init__(self, session: ClientSession) -> None:
        super().__init__(session.ident, session.secret)
        self._session = session
        self._loop = session._loop
        self._machine = session._machine
        self._machine.reset()
        self._made_at = 0.0
        self._refused = False
        self._greeting: Optional[asyncio.TimerHandle] = None
        self._drained = asyncio.Event()
        self._drained.set()
        # Frames of this turn of the loop, which go to the system with one call at its end.
        self._corked: list[bytes] = []
        self._corked_bytes = 0
        # Whether frames may be sent at all: greeted, not closing, and the broker keeps up.
        self.writable = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform.startswith("linux"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        self._greeting = self._loop.call_later(_GREETING_SECONDS, self._give_up, "the broker says nothing")

    def data_received(self, data: bytes) -> None:
        messages, notes = self._machine.receive(data)
        if messages and not self._session.closing:
            self._session.read_queue.put_all(messages)
        for what, text in notes:
            if what == "connected":
                self._ready()
            elif what == "error":
                self._refused = True
                self._session._broker_says(text)
            else:
                self._give_up(text)

    def _ready(self) -> None:
        self._cancel_greeting()
        self._made_at = self._loop.time()
        self.transport.write(self._machine.take_output())
        self.writable = not self._session.closing
        self.connection_ready()
        self._session._ready(self)

    def protocol_error(self, reason: str) -> None:
        self._refused = True
        self._session.log.error("%s: %s", self._session._where(), reason)

    def eof_received(self) -> None:
        return None

    def connection_lost(self, reason: Optional[Exception]) -> None:
        self._cancel_greeting()
        self.writable = False
        self._drained.set()
        self._session._keep(self._corked)
        self._corked = []
        if self._made_at and not self._refused and self._loop.time() - self._made_at > _USEFUL_SECONDS:
            self._session._pace.success()
        self._session._lost(self, reason)
        if not self.lost.done():
            self.lost.set_result(None)

    def _cancel_greeting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    # --- Writing, at the broker's pace ------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self.writable = False
        self._drained.clear()

    def resume_writing(self) -> None:
        self.writable = self._is_open()
        self._drained.set()
        self._session._flush_outbox()

    def _is_open(self) -> bool:
        return bool(self._made_at) and not self._session.closing and not self.transport.is_closing()

    def send(self, frame: bytes) -> None:
        """Sends a frame with all others of this turn. Requires: writable."""
        if not self._corked:
            self._loop.call_soon(self._uncork)
        self._corked.append(frame)
        self._corked_bytes += len(frame)
        if self._corked_bytes > _CORKED_BYTES_MAX:
            self._uncork()

    def _uncork(self) -> None:
        if self._corked and not self.transport.is_closing():
            frames, self._corked, self._corked_bytes = self._corked, [], 0
            self.transport.write(b"".join(frames))

    async def say_goodbye(self) -> None:
        """Ends our half. Closing both at once would, with unread bytes in the socket, throw away what was sent last."""
        transport = self.transport
        self.writable = False
        if not transport.is_closing():
            self._uncork()
            if self._made_at and transport.can_write_eof():
                transport.write_eof()
                transport.resume_reading()
            else:
                transport.close()
        await asyncio.wait([self.lost], timeout=_GOODBYE_SECONDS)
        if not self.lost.done():
            transport.abort()
            await asyncio.wait([self.lost])

    async def drain(self) -> None:
        await self._drained.wait()

    def say(self) -> None:
        """Sends what the machine has to say: a subscription."""
        self._uncork()
        self.transport.write(self._machine.take_output())


class ClientSession:
    """async with ClientSession(host, port, ident, secret) as client: …

    Connects by itself, in the loop that is running, and again whenever the connection is lost. ssl: True or an
    ssl.SSLContext for TLS. when_connected: a future, done while there is a session; a new one after each loss.
    """

    log = logging.getLogger("hpfeeds.asyncio.client")

    def __init__(self, host: str, port: int, ident: Text, secret: Text, ssl: Any = None) -> None:
        self.host = host
        self.port = port
        self.ident = ident
        self.secret = secret
        self.ssl = ssl
        self.subscriptions: set[Text] = set()
        self.protocol: Optional[_Protocol] = None
        self.closing = False
        # What the broker complained of last.
        self.last_error: Optional[str] = None

        self._machine = Machine(ident, secret, SIZES[OP_PUBLISH])
        self._loop = _running_loop()
        self._outbox = Outbox()
        self._pace = Pace()
        self._connection: Optional[_Protocol] = None
        self.read_queue = Inbox(self._loop, self._pause_reading, self._resume_reading)
        self.when_connected: asyncio.Future[None] = self._loop.create_future()
        self._ensure_connected = self._loop.create_task(self._keep_connected())

    # --- The session ------------------------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        try:
            while not self.closing:
                wait = self._pace.next_wait()
                if wait:
                    await asyncio.sleep(wait)
                await self._connect_once()
        finally:
            if self._connection is not None:
                self._connection.transport.close()

    async def _connect_once(self) -> None:
        try:
            _transport, protocol = await self._loop.create_connection(
                lambda: _Protocol(self), self.host, self.port, ssl=self.ssl
            )
        except OSError as error:
            self.log.warning("Could not connect to broker %s: %s", self._where(), error)
            return
        self._connection = protocol
        try:
            await protocol.lost
        finally:
            if protocol.lost.done():
                self._connection = None

    def _where(self) -> str:
        return f"{self.host}:{self.port}"

    def _ready(self, protocol: _Protocol) -> None:
        self.protocol = protocol
        if self.read_queue.paused:
            protocol.transport.pause_reading()
        self._flush_outbox()
        if not self.when_connected.done():
            self.when_connected.set_result(None)

    def _lost(self, protocol: _Protocol, reason: Optional[Exception]) -> None:
        if reason is not None:
            self.log.warning("Lost the connection to broker %s: %s", self._where(), reason)
        if self.protocol is protocol:
            self.protocol = None
            if self.when_connected.done() and not self.closing:
                self.when_connected = self._loop.create_future()

    def _broker_says(self, text: str) -> None:
        self.last_error = text
        self.log.error("Broker %s says: %s", self._where(), text)

    def _pause_reading(self) -> None:
        if self.protocol is not None and not self.protocol.transport.is_closing():
            self.protocol.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.protocol is not None and not self.protocol.transport.is_closing():
            self.protocol.transport.resume_reading()

    # --- Publishing -------------------------------------------------------------------------------------------------

    def publish(self, chan: Text, payload: Payload) -> None:
        """Hands a message over; it is sent when there is a connection that takes it.

        Raises MessageTooBig, TooLong and TypeError for what cannot be said, RuntimeError after close().
        """
        frame = self._machine.frame(chan, payload)
        protocol = self.protocol
        if protocol is not None and protocol.writable and not self._outbox:
            protocol.send(frame)
            return
        if self.closing or self._loop.is_closed():
            raise RuntimeError("the session is closed")
        if self._outbox.put(frame):
            self.log.warning(
                "Broker %s takes no messages; %d of them were dropped, the oldest first",
                self._where(), self._outbox.dropped,
            )

    def _flush_outbox(self) -> None:
        protocol = self.protocol
        if protocol is None or not protocol.writable:
            return
        for frame in self._outbox.take_all():
            protocol.send(frame)
            if not protocol.writable:
                break

    def _keep(self, frames: list[bytes]) -> None:
        """What a lost connection did not get to send waits for the next one."""
        if not self.closing:
            for frame in frames:
                self._outbox.put(frame)

    async def publish_async_iterable(self, channel: Text, async_iterator: AsyncIterable[Payload]) -> None:
        """Publishes all that comes, no faster than the broker takes it."""
        async for payload in async_iterator:
            self.publish(channel, payload)
            if self.protocol is None:
                await asyncio.shield(self.when_connected)
            else:
                await self.protocol.drain()

    # --- Subscribing and reading ------------------------------------------------------------------------------------

    def subscribe(self, topic: Text) -> None:
        """From now on, on this connection and on all later ones."""
        if topic not in self.subscriptions:
            self._machine.subscribe(topic)
            self.subscriptions.add(topic)
            self._say()

    def unsubscribe(self, topic: Text) -> None:
        """Messages that are under way still come."""
        if topic in self.subscriptions:
            self._machine.unsubscribe(topic)
            self.subscriptions.discard(topic)
            self._say()

    def _say(self) -> None:
        if self.protocol is not None and not self.closing and not self.protocol.transport.is_closing():
            self.protocol.say()

    def read(self) -> Coroutine[Any, Any, Message]:
        """The next message: (ident, channel, payload). EOFError when the session was closed and all is read."""
        return self.read_queue.get()

    def __aiter__(self) -> collections.abc.AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if not self.read_queue.empty():
            return self.read_queue.get_nowait()
        try:
            return await self.read_queue.get()
        except EOFError:
            raise StopAsyncIteration from None

    # --- The end ----------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Sends what was published, and waits until the broker has read it and closes its side: 3 seconds at most.

        Whoever reads gets what is there already, and is then told that this was all.
        """
        if self.protocol is not None:
            for frame in self._outbox.take_all():
                self.protocol.send(frame)
        self.closing = True
        if self._connection is not None:
            await self._connection.say_goodbye()
        self._ensure_connected.cancel()
        await asyncio.gather(self._ensure_connected, return_exceptions=True)
        if not self.when_connected.done():
            self.when_connected.cancel()
        self.read_queue.end()

    def __enter__(self) -> None:
        raise TypeError("Use async with instead")

    def __exit__(self, *_: object) -> None:
        pass

    async def __aenter__(self) -> ClientSession:
        try:
            await asyncio.shield(self.when_connected)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()


def _running_loop() -> asyncio.AbstractEventLoop:
    """The running loop; before a loop runs, the one that will."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.get_event_loop()
