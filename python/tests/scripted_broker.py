# SPDX-License-Identifier: Apache-2.0
"""A broker that does to each connection what a test tells it to, made of functions: def act(connection): …"""
from __future__ import annotations

import queue
import socket
import struct
import threading

from hpfeeds.protocol import Unpacker, msginfo

INFO = msginfo("scripted", b"\x01\x02\x03\x04")


class Connection:
    """The broker's side of one connection."""

    def __init__(self, sock):
        self.socket = sock
        self.unpacker = Unpacker()

    def send(self, data):
        self.socket.sendall(data)

    def frame(self):
        """The next frame of the client: (opcode, body); None at its end."""
        while True:
            for frame in self.unpacker:
                return frame
            data = self.socket.recv(65536)
            if not data:
                return None
            self.unpacker.feed(data)

    def greet(self):
        self.send(INFO)
        return self.frame()

    def await_end(self):
        while self.frame() is not None:
            pass

    def reset(self):
        """Ends the connection as a crash does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class ScriptedBroker:
    """One act per connection, in order; the last one again for all that follow. Use as a context manager."""

    def __init__(self, *acts):
        self._acts = list(acts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self.connections = queue.Queue()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
            thread = threading.Thread(target=self._act, args=(act, sock), daemon=True)
            thread.start()

    def _act(self, act, sock):
        self.connections.put(act)
        with sock:
            try:
                act(Connection(sock))
            except OSError:
                pass


# Every step at which a broker can go away, or turn out not to be one.
def close_at_once(connection):
    pass


def reset_at_once(connection):
    connection.reset()


def half_an_info(connection):
    connection.send(INFO[:7])


def close_after_info(connection):
    connection.send(INFO)


def close_after_auth(connection):
    connection.greet()


def half_a_message(connection):
    connection.greet()
    connection.send(b"\x00\x00\x00\x20\x03\x05ident")


def a_length_of_zero(connection):
    connection.greet()
    connection.send(b"\x00\x00\x00\x00\x03")
    connection.await_end()


def not_hpfeeds(connection):
    connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.await_end()


STEPS = [close_at_once, reset_at_once, half_an_info, close_after_info, close_after_auth, half_a_message,
         a_length_of_zero, not_hpfeeds]
