# SPDX-License-Identifier: Apache-2.0
"""hpfeeds by hand over Python's ssl: both versions, resumption, and a certificate that is renewed meanwhile."""
import hashlib
import socket
import ssl
import struct
import time

import broker


def frame(opcode, body):
    return struct.pack(">IB", 5 + len(body), opcode) + body


def str8(text):
    return bytes([len(text)]) + text


class Client:
    def __init__(self, server, ident, version, session=None, context=None):
        self.context = context or ssl.create_default_context(cafile=server.certificate)
        self.context.minimum_version = self.context.maximum_version = version
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=broker.DEADLINE_SECONDS)
        self.socket = self.context.wrap_socket(plain, server_hostname="localhost", session=session)
        self.unread = b""
        info = self.read_frame()[1]
        nonce = info[1 + info[0]:]
        digest = hashlib.sha1(nonce + f"{ident}-secret".encode()).digest()
        self.socket.sendall(frame(2, str8(ident.encode()) + digest))

    def read_frame(self):
        while len(self.unread) < 5 or len(self.unread) < struct.unpack(">I", self.unread[:4])[0]:
            came = self.socket.recv(65536)
            assert came, "the broker closed the connection"
            self.unread += came
        length = struct.unpack(">I", self.unread[:4])[0]
        opcode, body, self.unread = self.unread[4], self.unread[5:length], self.unread[length:]
        return opcode, body


def subscribed(listener, sensor, channel):
    """SUBSCRIBE has no acknowledgement: publishes until one arrives, and lets the listener hear the last one."""
    listener.socket.sendall(frame(4, str8(b"logger") + channel))
    listener.socket.settimeout(0.1)
    end = time.monotonic() + broker.DEADLINE_SECONDS
    while True:
        sensor.socket.sendall(frame(3, str8(b"sensor") + str8(channel) + b"probe"))
        try:
            listener.read_frame()
            break
        except TimeoutError:
            assert time.monotonic() < end, "no message arrived"
    listener.socket.settimeout(broker.DEADLINE_SECONDS)
    sensor.socket.sendall(frame(3, str8(b"sensor") + str8(channel) + b"last probe"))
    while not listener.read_frame()[1].endswith(b"last probe"):
        pass


def exchange(server, version):
    listener, sensor = Client(server, "logger", version), Client(server, "sensor", version)
    assert sensor.socket.version() in ("TLSv1.2", "TLSv1.3")
    subscribed(listener, sensor, b"dionaea.capture")
    for size in (0, 1, 16383, 16384, 16385, 100_000, 1_000_000):
        payload = bytes(i * 7 % 251 for i in range(size))
        sensor.socket.sendall(frame(3, str8(b"sensor") + str8(b"dionaea.capture") + payload))
        came = listener.read_frame()
        assert came == (3, str8(b"sensor") + str8(b"dionaea.capture") + payload), (size, came[1][:60])
    # A goodbye is answered with one.
    rest = sensor.socket.unwrap()
    assert rest.recv(1) == b"", "and then the connection ends"
    return listener


def main():
    with broker.Broker(tls=True) as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            live = exchange(server, version)
            again = Client(server, "logger", version, session=live.socket.session, context=live.context)
            assert again.socket.session_reused, "the session was not resumed"

            before = live.socket.getpeercert()["serialNumber"]
            server.renew_certificate()
            end = time.monotonic() + broker.DEADLINE_SECONDS
            while True:
                try:
                    if Client(server, "logger", version).socket.getpeercert()["serialNumber"] != before:
                        break
                except ssl.SSLError:
                    pass  # the file is new, and the broker has yet to see it
                assert time.monotonic() < end, "the renewed certificate is not shown"
            # Who was there stays.
            live.socket.settimeout(broker.DEADLINE_SECONDS)
            subscribed(live, Client(server, "sensor", version), b"probe")
        server.stop()
    print("Python's ssl: TLS 1.2 and 1.3, resumed sessions, a renewed certificate")


if __name__ == "__main__":
    main()
