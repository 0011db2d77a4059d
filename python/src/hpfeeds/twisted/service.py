# SPDX-License-Identifier: Apache-2.0
"""ClientSessionService: a session with a broker, as a Twisted service, made again whenever it is lost.

publish(), subscribe() and unsubscribe() never wait. What is published while there is no connection, or faster than the
broker takes it, waits in an outbox of bounded size; reading stops while nobody reads.
"""
from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Optional, Union

from twisted.application.internet import ClientService
from twisted.application.service import MultiService
from twisted.internet import defer
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.interfaces import IPushProducer
from twisted.python import log
from zope.interface import implementer  # type: ignore[import-untyped]

from .._native import Machine
from .._outbox import Outbox
from ..protocol import OP_PUBLISH, SIZES
from .factory import ClientFactory
from .inbox import Inbox, Message
from .protocol import ClientProtocol, Payload, Text

__all__ = ["ClientSessionService"]

RetryPolicy = Callable[[int], float]


class _WhenConnected(defer.Deferred[None]):
    """service.whenConnected is a Deferred, as documented; calling it gives the same, as ClientService does it."""

    def __call__(self) -> defer.Deferred[None]:
        return self


@implementer(IPushProducer)
class _Protocol(ClientProtocol):
    """One connection of a service; the service's machine does the talking."""

    _writable = True
    _closing = False

    def connectionMade(self) -> None:
        self.service: ClientSessionService = self.factory.service
        self._machine = self.service._machine
        self._machine.reset()
        for option in ("setTcpKeepAlive", "setTcpNoDelay"):
            if hasattr(self.transport, option):
                getattr(self.transport, option)(True)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        messages, notes = self._machine.receive(data)
        for what, text in notes:
            if what == "connected":
                self.transport.write(self._machine.take_output())
                self.connectionReady()
                self.service._ready(self)
            elif what == "error":
                self.onError(text)
            else:
                self._give_up(text)
        if messages and not self._closing:
            self.service.read_queue.put_all(messages)

    def onError(self, error: str) -> None:
        self.service._broker_says(error)

    def protocolError(self, reason: str) -> None:
        log.msg(f"hpfeeds: the broker does not speak hpfeeds: {reason}", logLevel=logging.ERROR)

    def _give_up(self, reason: str) -> None:
        self.protocolError(reason)
        self.hang_up()
        self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.service._lost(self)

    # --- Writing, at the broker's pace ------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._writable = False

    def resumeProducing(self) -> None:
        self._writable = True
        self.service._flush_outbox()

    def stopProducing(self) -> None:
        self._writable = False

    @property
    def writable(self) -> bool:
        return self._writable and not self._closing

    def say(self) -> None:
        """Sends what the machine has to say: a subscription."""
        self.transport.write(self._machine.take_output())

    def hang_up(self) -> None:
        """A transport with a producer would wait for it before it closes."""
        if not self._closing:
            self._closing = True
            self.transport.unregisterProducer()


class ClientSessionService(MultiService):
    """ClientSessionService(host, port, ident, secret), or (endpoint, ident, secret, retryPolicy=None).

    endpoint: what connects, or its description as Twisted writes it, such as "tcp:broker.example:10000". Start it, or
    give it a parent that is started; or use it with `async with`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        endpoint, ident, secret, retry_policy = _arguments(*args, **kwargs)
        self.ident: Text = ident
        self.subscriptions: set[Text] = set()
        self.protocol: Optional[_Protocol] = None
        # What the broker complained of last.
        self.last_error: Optional[str] = None

        self._machine = Machine(ident, secret, SIZES[OP_PUBLISH])
        self._outbox = Outbox()
        self._waiting: list[_WhenConnected] = []
        self.read_queue = Inbox(self._pause_reading, self._resume_reading)
        self.client_endpoint = endpoint
        factory: Any = ClientFactory.forProtocol(_Protocol, ident, secret)
        self.client_factory = factory
        self.client_factory.service = self
        self.client_factory.noisy = False
        self.client_service = ClientService(endpoint, self.client_factory, retryPolicy=retry_policy)
        self.client_service.setServiceParent(self)

    # --- The session ------------------------------------------------------------------------------------------------

    @property
    def whenConnected(self) -> _WhenConnected:
        """Fires when there is a session, at once if there is one already. Every access gives another Deferred."""
        waiter = _WhenConnected(self._forget_waiter)
        if self.protocol is not None:
            waiter.callback(None)
        else:
            self._waiting.append(waiter)
        return waiter

    def _forget_waiter(self, waiter: Any) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def stopService(self) -> Any:
        """Sends what was published, closes the connection, and stops connecting. Fires when all that is done."""
        if self.protocol is not None:
            for frame in self._outbox.take_all():
                self.protocol.transport.write(frame)
            self.protocol.hang_up()
        stopped = defer.maybeDeferred(super().stopService)
        stopped.addBoth(self._stopped)
        return stopped

    def _stopped(self, result: Any) -> Any:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if _is_waited_for(waiter):  # nobody is told of a failure that nobody waits for
                waiter.errback(defer.CancelledError("the service was stopped"))
        self.read_queue.end()
        return result

    def _ready(self, protocol: _Protocol) -> None:
        self.protocol = protocol
        if self.read_queue.paused:
            protocol.transport.pauseProducing()
        self._flush_outbox()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _lost(self, protocol: _Protocol) -> None:
        if self.protocol is protocol:
            self.protocol = None

    def _broker_says(self, text: str) -> None:
        self.last_error = text
        log.msg(f"hpfeeds: the broker says: {text}", logLevel=logging.ERROR)

    def _pause_reading(self) -> None:
        if self.protocol is not None:
            self.protocol.transport.pauseProducing()

    def _resume_reading(self) -> None:
        if self.protocol is not None:
            self.protocol.transport.resumeProducing()

    # --- Publishing, subscribing, reading ---------------------------------------------------------------------------

    def publish(self, chan: Text, payload: Payload) -> None:
        """Hands a message over; it is sent when there is a connection that takes it.

        Raises MessageTooBig, TooLong and TypeError for what cannot be said.
        """
        frame = self._machine.frame(chan, payload)
        protocol = self.protocol
        if protocol is not None and protocol.writable and not self._outbox:
            protocol.transport.write(frame)
        elif self._outbox.put(frame):
            log.msg(
                f"hpfeeds: the broker takes no messages; {self._outbox.dropped} were dropped, the oldest first",
                logLevel=logging.WARNING,
            )

    def _flush_outbox(self) -> None:
        protocol = self.protocol
        if protocol is None or not protocol.writable:
            return
        for frame in self._outbox.take_all():
            protocol.transport.write(frame)
            if not protocol.writable:
                break

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
        if self.protocol is not None:
            self.protocol.say()

    def read(self) -> defer.Deferred[Message]:
        """A Deferred of the next message: (ident, channel, payload)."""
        return self.read_queue.get()

    # --- async with, async for --------------------------------------------------------------------------------------

    def __enter__(self) -> None:
        raise TypeError("Use async with instead")

    def __exit__(self, *_: object) -> None:
        pass

    async def __aenter__(self) -> ClientSessionService:
        if not self.running:
            self.startService()
        await self.whenConnected
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.stopService()

    def __aiter__(self) -> ClientSessionService:
        return self

    async def __anext__(self) -> Message:
        if not self.running and self.read_queue.empty():
            raise StopAsyncIteration
        try:
            return await self.read()
        except defer.CancelledError:
            if self.running:
                raise
            raise StopAsyncIteration from None


def _is_waited_for(deferred: Any) -> bool:
    return bool(deferred.callbacks)


def _arguments(*args: Any, **kwargs: Any) -> tuple[Any, Text, Text, Optional[RetryPolicy]]:
    """Both forms of the constructor. A port tells them apart: no ident is a number."""
    from twisted.internet import reactor

    if "host" in kwargs or "port" in kwargs or (len(args) > 1 and isinstance(args[1], int)):
        return _of_host(reactor, *args, **kwargs)
    return _of_endpoint(reactor, *args, **kwargs)


def _of_host(
    reactor: Any, host: Union[str, bytes], port: int, ident: Text, secret: Text,
    retryPolicy: Optional[RetryPolicy] = None,
) -> tuple[Any, Text, Text, Optional[RetryPolicy]]:
    return HostnameEndpoint(reactor, host, port), ident, secret, retryPolicy


def _of_endpoint(
    reactor: Any, endpoint: Any, ident: Text, secret: Text, retryPolicy: Optional[RetryPolicy] = None
) -> tuple[Any, Text, Text, Optional[RetryPolicy]]:
    if isinstance(endpoint, str):
        endpoint = clientFromString(reactor, endpoint)
    elif not hasattr(endpoint, "connect"):
        raise ValueError("endpoint must be a str or implement IStreamClientEndpoint")
    return endpoint, ident, secret, retryPolicy
