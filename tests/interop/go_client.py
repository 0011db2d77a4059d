# SPDX-License-Identifier: Apache-2.0
"""go_client.py PROGRAM: the Go client publishes and subscribes through our broker, over a restart of it."""
import base64
import queue
import subprocess
import sys
import threading

import broker
import events


class GoClient:
    def __init__(self, program, action, server, ident, channel):
        self.channel = channel
        self.messages = queue.Queue()
        self.process = subprocess.Popen(
            [program, action, str(server.port), ident, f"{ident}-secret", channel],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            ident, payload = line.split()
            self.messages.put((ident, self.channel, base64.b64decode(payload)))

    def publish(self, _, payload):
        self.process.stdin.write(base64.b64encode(payload).decode() + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()


def exchange(program, server, subscriber, channel, everything):
    publisher = GoClient(program, "publish", server, "sensor", channel)
    try:
        broker.await_probe(publisher.publish, subscriber.messages, channel)
        broker.expect_all(everything, publisher.publish, subscriber.messages)
    finally:
        publisher.stop()


def main(program):
    with broker.Broker() as server:
        channel = "cowrie.sessions"
        everything = [event for event in events.all_events() if event[0] == channel]
        binaries = [(channel, events.malware_binary("sensor")[:1_000_000])]
        subscriber = GoClient(program, "subscribe", server, "logger", channel)
        try:
            exchange(program, server, subscriber, channel, everything + binaries)
            server.restart()
            exchange(program, server, subscriber, channel, binaries + everything)
        finally:
            subscriber.stop()
        server.stop()
    print(f"the Go client, both directions: twice {len(everything) + len(binaries)} events, a restart between")


if __name__ == "__main__":
    main(sys.argv[1])
