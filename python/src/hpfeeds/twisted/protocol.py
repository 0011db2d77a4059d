# SPDX-License-Identifier: Apache-2.0
"""hpfeeds as Twisted protocols, for those who want more, or something else, than a ClientSessionService.

BaseProtocol calls on…() for each message and has a method that sends each; ClientProtocol logs in by itself.
"""
from __future__ import annotations

from typing import Any, Union

from twisted.internet.protocol import Protocol
from twisted.python import log

from ..exceptions import ProtocolException
from ..protocol import (
    OP_AUTH,
    OP_ERROR,
    OP_INFO,
    OP_PUBLISH,
    OP_SUBSCRIBE,
    OP_UNSUBSCRIBE,
    Unpacker,
    msgauth,
    msgerror,
    msginfo,
    msgpublish,
    msgsubscribe,
    msgunsubscribe,
    readauth,
    readerror,
    readinfo,
    readpublish,
    readsubscribe,
    readunsubscribe,
)

Text = Union[str, bytes]
Payload = Union[str, bytes, bytearray, memoryview]


class BaseProtocol(Protocol):
    """Both sides of a connection."""

    transport: Any
    factory: Any

    def __init__(self) -> None:
        self.unpacker = Unpacker()

    # --- What came: override ----------------------------------------------------------------------------------------

    def protocolError(self, reason: str) -> None:
        """The other side does not speak hpfeeds; the connection is closed after this."""
        log.err(reason)

    def onError(self, error: str) -> Any:
        raise NotImplementedError(self.onError)

    def onInfo(self, name: str, rand: bytes) -> Any:
        raise NotImplementedError(self.onInfo)

    def onAuth(self, ident: str, secret: bytes) -> Any:
        raise NotImplementedError(self.onAuth)

    def onPublish(self, ident: str, chan: str, data: bytes) -> Any:
        raise NotImplementedError(self.onPublish)

    def onSubscribe(self, ident: str, chan: str) -> Any:
        raise NotImplementedError(self.onSubscribe)

    def onUnsubscribe(self, ident: str, chan: str) -> Any:
        raise NotImplementedError(self.onUnsubscribe)

    def messageReceived(self, opcode: int, data: bytes) -> Any:
        if opcode == OP_PUBLISH:
            return self.onPublish(*readpublish(data))
        if opcode == OP_ERROR:
            return self.onError(readerror(data))
        if opcode == OP_INFO:
            return self.onInfo(*readinfo(data))
        if opcode == OP_AUTH:
            return self.onAuth(*readauth(data))
        if opcode == OP_SUBSCRIBE:
            return self.onSubscribe(*readsubscribe(data))
        if opcode == OP_UNSUBSCRIBE:
            return self.onUnsubscribe(*readunsubscribe(data))
        return self._give_up(f"Unknown message opcode: {opcode!r}")

    # --- Twisted's side ---------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self.unpacker.feed(data)
        try:
            for opcode, body in self.unpacker:
                self.messageReceived(opcode, body)
        except (ProtocolException, UnicodeDecodeError) as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        self.protocolError(reason)
        self.transport.loseConnection()

    # --- What to send -----------------------------------------------------------------------------------------------

    def error(self, error: Text) -> None:
        self.transport.write(msgerror(error))

    def info(self, name: Text, rand: bytes) -> None:
        self.transport.write(msginfo(name, rand))

    def auth(self, rand: bytes, ident: Text, secret: Text) -> None:
        self.transport.write(msgauth(rand, ident, secret))

    def publish(self, ident: Text, channel: Text, payload: Payload) -> None:
        self.transport.write(msgpublish(ident, channel, payload))

    def subscribe(self, ident: Text, channel: Text) -> None:
        self.transport.write(msgsubscribe(ident, channel))

    def unsubscribe(self, ident: Text, channel: Text) -> None:
        self.transport.write(msgunsubscribe(ident, channel))


class ClientProtocol(BaseProtocol):
    """A client: answers INFO with AUTH for the factory's ident and secret, then calls connectionReady()."""

    def connectionReady(self) -> None:
        """AUTH is sent. The broker does not answer a good one; publishing and subscribing may begin."""

    def onInfo(self, name: str, rand: bytes) -> Any:
        self.auth(rand, self.factory.ident, self.factory.secret)
        self.connectionReady()

    def onAuth(self, ident: str, secret: bytes) -> Any:
        self._give_up("Unexpected OP_AUTH")

    def onSubscribe(self, ident: str, chan: str) -> Any:
        self._give_up("Unexpected OP_SUBSCRIBE")

    def onUnsubscribe(self, ident: str, chan: str) -> Any:
        self._give_up("Unexpected OP_UNSUBSCRIBE")

    def error(self, error: Text) -> None:
        raise RuntimeError("a client sends no ERROR: that is the broker's")

    def info(self, name: Text, rand: bytes) -> None:
        raise RuntimeError("a client sends no INFO: that is the broker's")
