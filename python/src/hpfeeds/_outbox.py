# SPDX-License-Identifier: Apache-2.0
"""What a session of an event loop has still to publish while its connection is away, or too slow.

Bounded: the oldest message makes room, and is counted.
"""
from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Deque

BYTES_MAX = 64 << 20


class Outbox:
    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._frames: Deque[bytes] = collections.deque()
        self._bytes = 0
        self._bytes_max = bytes_max
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: bytes) -> int:
        """Keeps a frame; returns how many older ones had to go."""
        before = self.dropped
        self._frames.append(frame)
        self._bytes += len(frame)
        while self._bytes > self._bytes_max and len(self._frames) > 1:
            self._bytes -= len(self._frames.popleft())
            self.dropped += 1
        return self.dropped - before

    def take_all(self) -> Iterator[bytes]:
        """Gives the frames out, oldest first, until the caller stops asking."""
        while self._frames:
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            yield frame
