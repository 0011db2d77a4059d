# SPDX-License-Identifier: Apache-2.0
"""What hpfeeds raises. Names and bases are those that programs catch today.

FeedException: no session could be made. Disconnect: it was lost. ProtocolException and the two below it: what came, or
what was asked for, is not hpfeeds.
"""
from __future__ import annotations

import struct

__all__ = [
    "BadClient",
    "Disconnect",
    "FeedException",
    "MessageTooBig",
    "ProtocolException",
    "TooLong",
]


class FeedException(Exception):
    """The broker cannot be reached, does not answer, or is no hpfeeds broker."""


class Disconnect(Exception):
    """The connection was lost, or there is none."""


class ProtocolException(Disconnect):
    """Bytes that are not hpfeeds; the connection is of no use any more."""


class MessageTooBig(ProtocolException):
    """A frame longer than its kind may be."""

    def __init__(self, op: int, ml: int, max_ml: int) -> None:
        super().__init__(f"Message too big; op {op} ml: {ml} max_ml: {max_ml}")


class BadClient(ProtocolException):
    """A client broke the rules; brokers raise it."""


class TooLong(ValueError, struct.error):
    """An ident or channel of more than 255 bytes. Also a struct.error, which this was in earlier versions."""
