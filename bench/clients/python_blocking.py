# SPDX-License-Identifier: Apache-2.0
"""python_blocking.py PORT COUNT: the registry's blocking Python client, publishing and reading 100 B messages."""
import multiprocessing
import resource
import sys
import time

import hpfeeds

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])


def read(ready, done):
    client = hpfeeds.new("127.0.0.1", PORT, "bench", "bench")
    client.subscribe("bench")
    heard = 0

    def on_message(_ident, _channel, payload):
        nonlocal heard
        if len(payload) != 100:
            ready.set()
            return
        heard += 1
        if heard == COUNT:
            client.stop()

    client.run(on_message, lambda payload: sys.exit(str(payload)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    done.put((time.monotonic(), used.ru_utime + used.ru_stime))


def main():
    ready, done = multiprocessing.Event(), multiprocessing.Queue()
    reader = multiprocessing.Process(target=read, args=(ready, done), daemon=True)
    reader.start()
    client = hpfeeds.new("127.0.0.1", PORT, "bench", "bench")
    while not ready.is_set():
        client.publish("bench", b"probe")
        time.sleep(0.02)
    payload = b"x" * 100
    before = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.monotonic()
    for _ in range(COUNT):
        client.publish("bench", payload)
    end, reader_cpu = done.get(timeout=120)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime + reader_cpu
    print(f"{COUNT / (end - begin):.0f} msg/s, {cpu * 1e9 / COUNT:.1f} ns CPU per message, lost 0")


if __name__ == "__main__":
    main()
