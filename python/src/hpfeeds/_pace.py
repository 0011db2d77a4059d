# SPDX-License-Identifier: Apache-2.0
"""How long to wait before the next attempt to connect.

The bound doubles with every failure, and each wait is drawn from the upper half below it, so that a thousand sensors
whose broker restarts do not come back in the same instant. A connection that was of use is tried again at once.
"""
from __future__ import annotations

import random


class Pace:
    def __init__(self, first: float = 0.5, longest: float = 30.0) -> None:
        self._first = first
        self._longest = longest
        self._bound = 0.0

    def next_wait(self) -> float:
        """Seconds; zero after success()."""
        bound, self._bound = self._bound, min(self._longest, max(self._first, self._bound * 2))
        return bound * random.uniform(0.5, 1.0)

    def success(self) -> None:
        self._bound = 0.0
