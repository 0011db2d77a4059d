# SPDX-License-Identifier: Apache-2.0
"""The reference package's broker on a free port; prints the port, and serves until its input ends.

Run with an interpreter that has the reference package and what its broker needs (reference.txt).
"""
import asyncio
import socket
import sys

from hpfeeds.broker.auth.memory import Authenticator
from hpfeeds.broker.server import Server

CHANNELS = ["cowrie.sessions", "dionaea.capture", "mwbinary.dionaea.sensorunique", "probe", "test"]
KEYS = {
    ident: {"owner": "test", "secret": secret, "pubchans": CHANNELS, "subchans": CHANNELS}
    for ident, secret in [("ident", "secret"), ("sensor", "sensor-secret"), ("logger", "logger-secret")]
}


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(Authenticator(KEYS))
    server.add_endpoint_test(listener)
    serving = asyncio.ensure_future(server.serve_forever())
    print(listener.getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
