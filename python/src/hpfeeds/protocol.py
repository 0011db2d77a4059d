# SPDX-License-Identifier: Apache-2.0
"""The wire protocol as functions: msg…() make a frame, read…() take a body apart, Unpacker cuts a stream into frames.

All of it runs in C++; names, arguments and results are those of earlier versions. SIZES may be changed, and holds for
every Unpacker, and for sessions made afterwards.
"""
from __future__ import annotations

from ._native import (
    MAXBUF,
    SIZES,
    Unpacker,
    force_bytes,
    force_str,
    hashsecret,
    msgauth,
    msgerror,
    msghdr,
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
    strpack8,
    strunpack8,
)
from .exceptions import MessageTooBig, ProtocolException

BUFSIZ = 16384

OP_ERROR = 0
OP_INFO = 1
OP_AUTH = 2
OP_PUBLISH = 3
OP_SUBSCRIBE = 4
OP_UNSUBSCRIBE = 5

# For programs that were written for Python 2 as well.
binary_type = bytes
text_type = str
unicode = str

__all__ = [
    "BUFSIZ",
    "MAXBUF",
    "OP_AUTH",
    "OP_ERROR",
    "OP_INFO",
    "OP_PUBLISH",
    "OP_SUBSCRIBE",
    "OP_UNSUBSCRIBE",
    "SIZES",
    "MessageTooBig",
    "ProtocolException",
    "Unpacker",
    "binary_type",
    "force_bytes",
    "force_str",
    "hashsecret",
    "msgauth",
    "msgerror",
    "msghdr",
    "msginfo",
    "msgpublish",
    "msgsubscribe",
    "msgunsubscribe",
    "readauth",
    "readerror",
    "readinfo",
    "readpublish",
    "readsubscribe",
    "readunsubscribe",
    "strpack8",
    "strunpack8",
    "text_type",
    "unicode",
]
