# SPDX-License-Identifier: Apache-2.0
import asyncio
from hpfeeds.asyncio import ClientSession

async def main():
    async with ClientSession('localhost', 20000, 'ident', 'secret') as client:
        client.subscribe('channel')

        async for ident, channel, payload in client:
            print(payload)

asyncio.run(main())
