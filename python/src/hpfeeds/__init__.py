# SPDX-License-Identifier: Apache-2.0
"""Clients of hpfeeds, the publish-subscribe protocol of honeypots.

hpfeeds.new() makes the blocking client; hpfeeds.asyncio and hpfeeds.twisted hold those for event loops. The protocol
itself is the C++ core's.
"""
from __future__ import annotations

from .client import Client, new
from .exceptions import BadClient, Disconnect, FeedException, MessageTooBig, ProtocolException

__all__ = [
    "BadClient",
    "Client",
    "Disconnect",
    "FeedException",
    "MessageTooBig",
    "ProtocolException",
    "new",
]
