# SPDX-License-Identifier: Apache-2.0
"""exchange.py PUBLISHER SUBSCRIBER [tls]: events go from one of upstream's clients to another, through our broker.

Then the broker restarts on the same port, both clients reconnect by themselves, and all events go through again.
"""
import sys

import broker
import events
import python_clients


def main(publisher_kind, subscriber_kind, tls=""):
    with broker.Broker(tls=bool(tls)) as server:
        trusted = {"certificate": server.certificate} if tls else {}
        subscriber = python_clients.SUBSCRIBERS[subscriber_kind](
            server.port, "logger", "logger-secret", broker.CHANNELS, **trusted)
        publisher = python_clients.PUBLISHERS[publisher_kind](server.port, "sensor", "sensor-secret", **trusted)
        everything = events.all_events()
        for restarts in range(3):
            if restarts:
                server.restart()
            broker.await_probe(publisher.publish, subscriber.messages, "probe")
            broker.expect_all(everything, publisher.publish, subscriber.messages)
        publisher.stop()
        subscriber.stop()
        server.stop()
    print(f"{publisher_kind} to {subscriber_kind}: 3 times {len(everything)} events, two restarts between")


if __name__ == "__main__":
    main(*sys.argv[1:])
