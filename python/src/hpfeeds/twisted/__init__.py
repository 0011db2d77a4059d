# SPDX-License-Identifier: Apache-2.0
"""Clients for Twisted, on whatever reactor is installed. Needs the package twisted: hpfeeds[twisted]."""
from __future__ import annotations

from .factory import ClientFactory
from .protocol import BaseProtocol, ClientProtocol
from .service import ClientSessionService

__all__ = ["BaseProtocol", "ClientFactory", "ClientProtocol", "ClientSessionService"]
