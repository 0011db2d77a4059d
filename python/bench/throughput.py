# SPDX-License-Identifier: Apache-2.0
"""throughput.py BROKER REFERENCE_PYTHON: this package's speed beside the reference package's, as ratios.

BROKER is a hpfeeds-broker program, REFERENCE_PYTHON an interpreter that has the reference package. Every measurement
runs in a process of its own, several times, the two packages in turn; the best of each counts, since whatever else the
machine does can only make a run slower. Run it with the interpreter of this package:

    build/python/venv/bin/python python/bench/throughput.py build/python/venv/bin/hpfeeds-broker \
        build/python/reference/bin/python
"""
import json
import os
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
PAYLOAD = b"x" * 400  # an event of Cowrie


# --- In the process that is measured: only what both packages have ----------------------------------------------------

def decode(port, count):
    """One subscriber's stream, as it comes from a socket: messages a second."""
    from hpfeeds.protocol import Unpacker, msgpublish, readpublish

    stream = msgpublish("sensor", "cowrie.sessions", PAYLOAD) * count
    begin = time.perf_counter()
    unpacker = Unpacker()
    seen = 0
    for at in range(0, len(stream), 65536):
        unpacker.feed(stream[at:at + 65536])
        for opcode, body in unpacker:
            readpublish(body)
            seen += 1
    assert seen == count
    return count / (time.perf_counter() - begin)


def encode(port, count):
    from hpfeeds.protocol import msgpublish

    begin = time.perf_counter()
    for _ in range(count):
        msgpublish("sensor", "cowrie.sessions", PAYLOAD)
    return count / (time.perf_counter() - begin)


def blocking_publish(port, count):
    import hpfeeds

    client = hpfeeds.new("127.0.0.1", port, "ident", "secret")
    begin = time.perf_counter()
    for _ in range(count):
        client.publish("quiet", PAYLOAD)
    return count / (time.perf_counter() - begin)


def blocking_publish_many(port, count):
    """What this package has for many messages at once, beside the reference's only way."""
    import hpfeeds

    client = hpfeeds.new("127.0.0.1", port, "ident", "secret")
    begin = time.perf_counter()
    if hasattr(client, "publish_many"):
        client.publish_many("quiet", [PAYLOAD] * count)
    else:
        for _ in range(count):
            client.publish("quiet", PAYLOAD)
    return count / (time.perf_counter() - begin)


def blocking_read(port, count):
    """From the first message that came to the last one that was published."""
    import hpfeeds

    client = hpfeeds.new("127.0.0.1", port, "ident", "secret")
    client.subscribe("loud")
    seen = 0
    begin = 0.0

    def on_message(ident, channel, payload):
        nonlocal seen, begin
        if not seen:
            begin = time.perf_counter()
        seen += 1
        if seen == count:
            client.stop()

    client.run(on_message, print)
    return (count - 1) / (time.perf_counter() - begin)


def asyncio_end_to_end(port, count):
    """One session publishes to a channel that it reads itself: through the broker and back."""
    import asyncio

    from hpfeeds.asyncio import ClientSession

    async def main():
        async with ClientSession("127.0.0.1", port, "ident", "secret") as client:
            client.subscribe("own")
            begin = time.perf_counter()
            sent = 0
            for _ in range(count // 500):
                for _ in range(500):
                    client.publish("own", PAYLOAD)
                for _ in range(500):
                    await client.read()
                sent += 500
            return sent / (time.perf_counter() - begin)

    return asyncio.run(main())


def twisted_end_to_end(port, count):
    from hpfeeds.twisted import ClientSessionService
    from twisted.internet import defer, task

    result = []

    async def main():
        client = ClientSessionService(f"tcp:127.0.0.1:{port}", "ident", "secret")
        client.subscribe("own")
        client.startService()
        await client.whenConnected
        begin = time.perf_counter()
        for _ in range(count // 500):
            for _ in range(500):
                client.publish("own", PAYLOAD)
            for _ in range(500):
                await client.read()
        result.append(count / (time.perf_counter() - begin))
        await client.stopService()

    try:
        task.react(lambda reactor: defer.ensureDeferred(main()))
    except SystemExit:
        pass
    return result[0]


MEASURED = {"decode": 200000, "encode": 200000, "blocking_publish": 100000,
            "blocking_publish_many": 100000, "blocking_read": 200000,
            "asyncio_end_to_end": 50000, "twisted_end_to_end": 50000}


# --- In the process that measures -------------------------------------------------------------------------------------

def start_broker(program, folder):
    channels = ["quiet", "loud", "own"]
    keys = {"ident": {"owner": "o", "secret": "secret", "pubchans": channels, "subchans": channels}}
    with open(os.path.join(folder, "keys.json"), "w", encoding="utf-8") as file:
        json.dump(keys, file)
    broker = subprocess.Popen(
        [program, "-e", "tcp:interface=127.0.0.1:port=0", "--auth", "keys.json"], cwd=folder, stderr=subprocess.PIPE,
        text=True)
    for line in broker.stderr:
        if " listening " in line:
            return broker, int(line.split("port=")[1].split()[0])
    raise SystemExit("the broker does not start")


# Keeps a reader busy with ready-made bytes, so that it is the reader who is measured.
FEEDER = """
import sys
from hpfeeds import client
from hpfeeds.protocol import msgpublish
session = client.Client("127.0.0.1", int(sys.argv[1]), "ident", "secret")
piece = msgpublish("ident", "loud", b"x" * 400) * 100
try:
    while True: session.s.sendall(piece)
except OSError: pass
"""


def measure(python, name, port):
    command = [python, os.path.abspath(__file__), "--measure", name, str(port), str(MEASURED[name])]
    environment = dict(os.environ)
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)  # or the reference would be this package
    feeder = subprocess.Popen([sys.executable, "-c", FEEDER, str(port)]) if name == "blocking_read" else None
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment).stdout
    finally:
        if feeder is not None:
            feeder.kill()
            feeder.wait()
    return float(said.splitlines()[-1])


def main(program, reference):
    with tempfile.TemporaryDirectory() as folder:
        broker, port = start_broker(os.path.abspath(program), folder)
        try:
            print(f"{'messages a second, ' + str(len(PAYLOAD)) + ' bytes each':44}{'reference':>12}{'this':>12}  ratio")
            for name in MEASURED:
                theirs = ours = 0.0
                for _ in range(ROUNDS):
                    theirs = max(theirs, measure(reference, name, port))
                    ours = max(ours, measure(sys.executable, name, port))
                print(f"{name:44}{theirs:12.0f}{ours:12.0f}{ours / theirs:7.1f}", flush=True)
        finally:
            broker.terminate()
            broker.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(globals()[sys.argv[2]](int(sys.argv[3]), int(sys.argv[4])))
    elif len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        sys.exit(__doc__)
