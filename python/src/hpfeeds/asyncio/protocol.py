# SPDX-License-Identifier: Apache-2.0
"""hpfeeds as asyncio protocols, for those who want more, or something else, than a ClientSession.

BaseProtocol calls on_…() for each message and has a method that sends each; ClientProtocol logs in by itself.
"""
from __future__ import annotations

import asyncio
from typing import Any, Optional, Union

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


class BaseProtocol(asyncio.Protocol):
    """Both sides of a connection. What on_…() returns true for ends the handing out of messages for now."""

    transport: Any

    def __init__(self) -> None:
        self.unpacker = Unpacker()

    # --- What came: override ----------------------------------------------------------------------------------------

    def protocol_error(self, reason: str) -> None:
        """The other side does not speak hpfeeds; the connection is closed after this."""

    def on_error(self, error: str) -> Optional[bool]:
        raise NotImplementedError(self.on_error)

    def on_info(self, name: str, rand: bytes) -> Optional[bool]:
        raise NotImplementedError(self.on_info)

    def on_auth(self, ident: str, secret: bytes) -> Optional[bool]:
        raise NotImplementedError(self.on_auth)

    def on_publish(self, ident: str, chan: str, data: bytes) -> Optional[bool]:
        raise NotImplementedError(self.on_publish)

    def on_subscribe(self, ident: str, chan: str) -> Optional[bool]:
        raise NotImplementedError(self.on_subscribe)

    def on_unsubscribe(self, ident: str, chan: str) -> Optional[bool]:
        raise NotImplementedError(self.on_unsubscribe)

    def message_received(self, opcode: int, data: bytes) -> Optional[bool]:
        if opcode == OP_PUBLISH:
            return self.on_publish(*readpublish(data))
        if opcode == OP_ERROR:
            return self.on_error(readerror(data))
        if opcode == OP_INFO:
            return self.on_info(*readinfo(data))
        if opcode == OP_AUTH:
            return self.on_auth(*readauth(data))
        if opcode == OP_SUBSCRIBE:
            return self.on_subscribe(*readsubscribe(data))
        if opcode == OP_UNSUBSCRIBE:
            return self.on_unsubscribe(*readunsubscribe(data))
        self._give_up(f"Unknown message opcode: {opcode!r}")
        return True

    # --- asyncio's side ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unpacker.feed(data)
        self.process_pending()

    def process_pending(self) -> None:
        """Hands out the messages that are there."""
        try:
            for opcode, data in self.unpacker:
                if self.message_received(opcode, data):
                    break
        except (ProtocolException, UnicodeDecodeError) as error:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        self.protocol_error(reason)
        self.transport.close()

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
    """A client: answers INFO with AUTH, then calls connection_ready()."""

    def __init__(self, ident: Text, secret: Text) -> None:
        self.ident = ident
        self.secret = secret
        super().__init__()

    def connection_ready(self) -> None:
        """AUTH is sent. The broker does not answer a good one; publishing and subscribing may begin."""

    def on_info(self, name: str, rand: bytes) -> Optional[bool]:
        self.auth(rand, self.ident, self.secret)
        self.connection_ready()
        return None

    def on_auth(self, ident: str, secret: bytes) -> Optional[bool]:
        self._give_up("Unexpected OP_AUTH")
        return None

    def on_subscribe(self, ident: str, chan: str) -> Optional[bool]:
        self._give_up("Unexpected OP_SUBSCRIBE")
        return None

    def on_unsubscribe(self, ident: str, chan: str) -> Optional[bool]:
        self._give_up("Unexpected OP_UNSUBSCRIBE")
        return None

    def error(self, error: Text) -> None:
        raise RuntimeError("a client sends no ERROR: that is the broker's")

    def info(self, name: Text, rand: bytes) -> None:
        raise RuntimeError("a client sends no INFO: that is the broker's")
