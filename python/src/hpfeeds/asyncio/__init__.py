# SPDX-License-Identifier: Apache-2.0
"""Clients for asyncio, on whatever loop is running."""
from __future__ import annotations

from .client import ClientSession
from .protocol import BaseProtocol, ClientProtocol

__all__ = ["BaseProtocol", "ClientProtocol", "ClientSession"]
