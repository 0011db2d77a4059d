# SPDX-License-Identifier: Apache-2.0
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from hpfeeds.twisted import ClientSessionService

async def main():
    async with ClientSessionService('localhost', 20000, 'ident', 'secret') as client:
        client.subscribe('test-channel')
        async for ident, channel, payload in client:
            print(payload)

react(lambda reactor: ensureDeferred(main()))
