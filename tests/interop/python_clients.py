# SPDX-License-Identifier: Apache-2.0
"""The three clients of the package hpfeeds (3.x), each behind the same three calls.

messages     a queue of (ident, channel, payload) that subscribers fill
publish()    may be called by any thread
stop()       ends the client and its thread

With `certificate`, a file, the clients but Twisted's speak TLS and trust it.
"""
import asyncio
import queue
import ssl
import threading

import hpfeeds.client
from hpfeeds.asyncio import ClientSession


def blocking_client(port, ident, secret, certificate):
    return hpfeeds.client.new("127.0.0.1", port, ident, secret, sleepwait=0.2, certfile=certificate)


class BlockingSubscriber:
    def __init__(self, port, ident, secret, channels, certificate=None):
        self.messages = queue.Queue()
        self.client = blocking_client(port, ident, secret, certificate)
        self.client.subscribe(channels)
        threading.Thread(target=self.client.run, args=(self._put, self._refused), daemon=True).start()

    def _put(self, *message):
        self.messages.put(tuple(message))

    def _refused(self, text):
        self.messages.put(("ERROR", "", text))

    def stop(self):
        self.client.stop()


class BlockingPublisher:
    def __init__(self, port, ident, secret, certificate=None):
        self.client = blocking_client(port, ident, secret, certificate)

    def publish(self, channel, payload):
        self.client.publish(channel, payload)

    def stop(self):
        self.client.close()


class AsyncioClient:
    def __init__(self, port, ident, secret, channels=(), certificate=None):
        self.context = ssl.create_default_context(cafile=certificate) if certificate else None
        self.messages = queue.Queue()
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        threading.Thread(target=self.loop.run_until_complete, daemon=True,
                         args=(self._run(port, ident, secret, channels),)).start()
        self.started.wait()

    async def _run(self, port, ident, secret, channels):
        self.session = ClientSession("127.0.0.1", port, ident, secret, ssl=self.context)
        for channel in channels:
            self.session.subscribe(channel)
        self.started.set()
        while True:
            self.messages.put(await self.session.read())

    def publish(self, channel, payload):
        self.loop.call_soon_threadsafe(self.session.publish, channel, payload)

    def stop(self):
        asyncio.run_coroutine_threadsafe(self.session.close(), self.loop).result(10)


class TwistedClient:
    reactor_thread = None

    def __init__(self, port, ident, secret, channels=()):
        from hpfeeds.twisted import ClientSessionService
        from twisted.internet import reactor

        self.reactor = reactor
        self.messages = queue.Queue()
        self.service = ClientSessionService(f"tcp:127.0.0.1:{port}", ident, secret,
                                            retryPolicy=lambda failures: 0.2)
        for channel in channels:
            self.service.subscribe(channel)
        if TwistedClient.reactor_thread is None:
            TwistedClient.reactor_thread = threading.Thread(
                target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
            TwistedClient.reactor_thread.start()
        reactor.callFromThread(self._start)

    def _start(self):
        self.service.startService()
        self._read()

    def _read(self):
        self.service.read().addCallback(self._put)

    def _put(self, message):
        self.messages.put(message)
        self._read()

    def publish(self, channel, payload):
        self.reactor.callFromThread(self.service.publish, channel, payload)

    def stop(self):
        from twisted.internet.threads import blockingCallFromThread

        blockingCallFromThread(self.reactor, self.service.stopService)


PUBLISHERS = {"blocking": BlockingPublisher, "asyncio": AsyncioClient, "twisted": TwistedClient}
SUBSCRIBERS = {"blocking": BlockingSubscriber, "asyncio": AsyncioClient, "twisted": TwistedClient}
