# SPDX-License-Identifier: Apache-2.0
import asyncio
from hpfeeds.asyncio import ClientSession

async def test_iterator():
    while True:
        await asyncio.sleep(1)
        yield b'payload'

async def main():
    async with ClientSession('localhost', 20000, 'ident', 'secret') as client:
        await client.publish_async_iterable('channel', test_iterator())

asyncio.run(main())
