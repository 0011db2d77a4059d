#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""python-logger.py HOST PORT IDENT SECRET CHANNEL...: events as JSON lines on standard output, until Ctrl+C."""
import asyncio
import json
import logging
import sys

from hpfeeds.asyncio import ClientSession


def as_json(ident, channel, payload):
    """An event is JSON, as a rule; whatever else it is, it must not end the logger."""
    try:
        event = json.loads(payload)
    except ValueError:
        event = {"hex": payload.hex()}
    return json.dumps({"ident": ident, "channel": channel, "event": event})


async def main(host, port, ident, secret, *channels):
    async with ClientSession(host, int(port), ident, secret) as session:
        for channel in channels:
            session.subscribe(channel)
        async for message in session:
            print(as_json(*message), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    logging.basicConfig(level=logging.INFO)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
