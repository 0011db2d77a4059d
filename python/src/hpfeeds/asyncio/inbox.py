# SPDX-License-Identifier: Apache-2.0
"""The messages a session has received and nobody has read yet.

Bounded by a pause: above the high mark the session stops reading from its socket, and goes on below the low one. The
broker then queues, and tells whoever is too slow for too long. Between the marks a read costs no turn of the loop.
"""
from __future__ import annotations

import asyncio
import collections
from collections.abc import Callable
from typing import Deque

Message = tuple[str, str, bytes]

BYTES_HIGH = 4 << 20
BYTES_LOW = BYTES_HIGH // 4
# What a message costs besides its payload.
MESSAGE_BYTES = 256


class Inbox:
    """pause and resume are called when the marks are passed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._pause = pause
        self._resume = resume
        self._messages: Deque[Message] = collections.deque()
        self._waiters: Deque[asyncio.Future[None]] = collections.deque()
        self._bytes = 0
        self._ended = False
        self.paused = False

    def qsize(self) -> int:
        return len(self._messages)

    def empty(self) -> bool:
        return not self._messages

    def put_nowait(self, message: Message) -> None:
        self.put_all([message])

    def put_all(self, messages: list[Message]) -> None:
        """As one read brought them."""
        self._messages.extend(messages)
        self._bytes += sum([len(message[2]) for message in messages]) + MESSAGE_BYTES * len(messages)
        if self._bytes > BYTES_HIGH and not self.paused:
            self.paused = True
            self._pause()
        self._wake(len(messages))

    def get_nowait(self) -> Message:
        if not self._messages:
            raise asyncio.QueueEmpty
        message = self._messages.popleft()
        self._bytes -= len(message[2]) + MESSAGE_BYTES
        if self.paused and self._bytes < BYTES_LOW:
            self.paused = False
            self._resume()
        return message

    async def get(self) -> Message:
        """The oldest message; EOFError when there is none and there will be none."""
        while not self._messages:
            if self._ended:
                raise EOFError("the session is closed")
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake(1)  # the message that was meant for this reader is another's
                raise
            finally:
                if not waiter.done() or waiter.cancelled():
                    self._forget(waiter)
        return self.get_nowait()

    def end(self) -> None:
        """Nothing more will come; what is there can be read."""
        self._ended = True
        self._wake(len(self._waiters))

    def _wake(self, count: int) -> None:
        while count > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                count -= 1

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        try:
            self._waiters.remove(waiter)
        except ValueError:
            pass
