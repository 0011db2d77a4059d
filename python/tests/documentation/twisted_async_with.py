# SPDX-License-Identifier: Apache-2.0
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from hpfeeds.twisted import ClientSessionService

async def main():
    async with ClientSessionService('localhost', 20000, 'ident', 'secret') as client:
        # Use API
        client.publish('...', b'....')

if __name__ == '__main__':
    react(lambda reactor: ensureDeferred(main()))
