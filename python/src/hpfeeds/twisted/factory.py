# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Union

from twisted.internet.protocol import Factory

from .protocol import ClientProtocol


class ClientFactory(Factory):
    """Makes ClientProtocols that log in as `ident`."""

    protocol = ClientProtocol

    def __init__(self, ident: Union[str, bytes], secret: Union[str, bytes]) -> None:
        self.ident = ident
        self.secret = secret
