# SPDX-License-Identifier: Apache-2.0
"""upstream_cli.py [tls]: upstream's own command, `hpfeeds subscribe|publish|sendfile`, against our broker."""
import os
import queue
import subprocess
import sys
import threading

import broker
import events
import python_clients


def upstream(server, action, ident, *more):
    program = os.path.join(os.path.dirname(sys.executable), "hpfeeds")
    trusted = ["--tlscert", server.certificate] if server.tls else []
    return [program, "--host", "127.0.0.1", "-p", str(server.port), "-i", ident, "-s", f"{ident}-secret", *trusted,
            *more[:2], action, *more[2:]]


def main(tls=""):
    with broker.Broker(tls=bool(tls)) as server:
        trusted = {"certificate": server.certificate} if tls else {}
        environment = dict(os.environ, PYTHONUNBUFFERED="1")
        subscriber = subprocess.Popen(upstream(server, "subscribe", "logger", "-c", "cowrie.sessions"),
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                      env=environment)
        messages = queue.Queue()

        def read_lines():
            # It prints the payload as a bytes literal of Python: b'…'.
            for line in subscriber.stdout:
                if "publish to" in line:
                    before, payload = line.rstrip("\n").split(": ", 1)
                    words = before.split()
                    messages.put((words[5], words[3], payload[2:-1].encode()))

        threading.Thread(target=read_lines, daemon=True).start()
        try:
            probes = python_clients.BlockingPublisher(server.port, "sensor", "sensor-secret", **trusted)
            broker.await_probe(probes.publish, messages, "cowrie.sessions")
            subprocess.run(upstream(server, "publish", "sensor", "-c", "cowrie.sessions", '{"event":', '"ping"}'),
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=broker.DEADLINE_SECONDS)
            came = messages.get(timeout=broker.DEADLINE_SECONDS)
            assert came == ("sensor", "cowrie.sessions", b'{"event": "ping"}'), came
        finally:
            subscriber.kill()
            subscriber.wait()

        listener = python_clients.BlockingSubscriber(server.port, "logger", "logger-secret",
                                                     [events.BINARY_CHANNEL], **trusted)
        broker.await_probe(probes.publish, listener.messages, events.BINARY_CHANNEL)
        sample = os.path.join(server.folder.name, "sample.bin")
        with open(sample, "wb") as out:
            out.write(events.malware_binary("sensor"))
        subprocess.run(upstream(server, "sendfile", "sensor", "-c", events.BINARY_CHANNEL, sample),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=broker.DEADLINE_SECONDS)
        came = listener.messages.get(timeout=broker.DEADLINE_SECONDS)
        assert came == ("sensor", events.BINARY_CHANNEL, events.malware_binary("sensor")), came[:2]
        server.stop()
    print("upstream's command: subscribe, publish and sendfile")


if __name__ == "__main__":
    main(*sys.argv[1:])
