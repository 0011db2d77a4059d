# SPDX-License-Identifier: Apache-2.0
"""The messages a service has received and nobody has read yet, as a queue of Deferreds.

Bounded by a pause: above the high mark the service stops reading from its transport, and goes on below the low one.
"""
from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any, Deque

from twisted.internet import defer
from twisted.python.failure import Failure

Message = tuple[str, str, bytes]

BYTES_HIGH = 4 << 20
BYTES_LOW = BYTES_HIGH // 4
# What a message costs besides its payload.
MESSAGE_BYTES = 256


class Inbox:
    """pause and resume are called when the marks are passed."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._messages: Deque[Message] = collections.deque()
        self._waiters: Deque[Any] = collections.deque()
        self._bytes = 0
        self.paused = False

    def put(self, message: Message) -> None:
        self.put_all([message])

    def put_all(self, messages: list[Message]) -> None:
        """As one read brought them."""
        self._messages.extend(messages)
        self._bytes += sum([len(message[2]) for message in messages]) + MESSAGE_BYTES * len(messages)
        while self._waiters and self._messages:
            self._waiters.popleft().callback(self._take())
        if self._bytes > BYTES_HIGH and not self.paused:
            self.paused = True
            self._pause()

    def empty(self) -> bool:
        return not self._messages

    def get(self) -> defer.Deferred[Message]:
        """The oldest message, or the next to come. Cancelling it loses nothing."""
        if self._messages and not self._waiters:
            return defer.succeed(self._take())
        waiter: defer.Deferred[Message] = defer.Deferred(self._forget)
        self._waiters.append(waiter)
        return waiter

    def _take(self) -> Message:
        message = self._messages.popleft()
        self._bytes -= len(message[2]) + MESSAGE_BYTES
        if self.paused and self._bytes < BYTES_LOW:
            self.paused = False
            self._resume()
        return message

    def _forget(self, waiter: Any) -> None:
        try:
            self._waiters.remove(waiter)
        except ValueError:
            pass

    def end(self) -> None:
        """Whoever waits is told by a CancelledError that nothing more will come."""
        while self._waiters:
            self._waiters.popleft().errback(Failure(defer.CancelledError("the service was stopped")))
