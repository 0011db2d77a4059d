# SPDX-License-Identifier: Apache-2.0
import asyncio
import json

from aiostream import pipe, stream
from hpfeeds.asyncio import ClientSession

async def main():
    brokers = []
    for port in (10000, 10001, 10002):
        session = ClientSession('localhost', port, 'ident', 'secret')
        session.subscribe('in-channel')
        brokers.append(session)

    pipeline = (
        # Merge feed from multiple brokers
        stream.merge(*brokers) |

        # Decode JSON payload
        pipe.map(lambda message: json.loads(message[2].decode('utf-8'))) |

        # Only interested in events that have hashes associated with them
        pipe.filter(lambda payload: len(payload['hashes']) > 0) |

        # Reencode payload for transmission
        pipe.map(lambda payload: json.dumps(payload).encode('utf-8'))
    )

    output = ClientSession('localhost', 10004, 'ident', 'secret')
    await output.publish_async_iterable('out-channel', pipeline)

asyncio.run(main())
