# SPDX-License-Identifier: Apache-2.0
"""The blocking client: hpfeeds.new() and Client.

A call does its work and returns; there is no thread behind it. While a call waits for the network other threads run,
and Ctrl+C is heard. Any number of threads may publish at the same time, and one of them may run() or read(). Under
gevent, with its sockets patched in, the same holds for greenlets.
"""
from __future__ import annotations

import collections
import logging
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Deque, Optional, Union

from ._native import Machine, peer_is_gone
from ._pace import Pace
from .exceptions import Disconnect, FeedException, ProtocolException
from .protocol import BUFSIZ, OP_PUBLISH, SIZES

__all__ = ["Client", "FeedException", "SslClient", "new"]

logger = logging.getLogger("pyhpfeeds")

Message = tuple[str, str, bytes]
Channels = Union[str, bytes, Iterable[Union[str, bytes]]]
Payload = Union[str, bytes, bytearray, memoryview]

# One read takes what a socket's buffer holds; the memory is kept.
_READ_BYTES = 262144
# publish_many() hands frames to the system in pieces of about this size.
_BATCH_BYTES = 262144
# A client that waits for errors alone keeps so many messages, and leaves the others with the broker.
_MESSAGES_MAX = 10000
_ERRORS_MAX = 16
# How often a pause looks whether stop() was called; a signal handler may not touch a lock.
_LOOK_SECONDS = 0.1
# How long a publisher takes the other side's presence for granted.
_PEER_SECONDS = 0.001


def _names(channels: Channels) -> list[Union[str, bytes]]:
    return [channels] if isinstance(channels, (str, bytes)) else list(channels)


class Client:
    """A session with a broker, made by the constructor, and made again when it is lost.

    timeout: seconds for connecting, for the broker's greeting, and for its goodbye. reconnect: whether a lost session
    is made again. sleepwait: the longest pause, in seconds, between two attempts.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ident: Union[str, bytes],
        secret: Union[str, bytes],
        timeout: Optional[float] = 3,
        reconnect: bool = True,
        sleepwait: float = 20,
    ) -> None:
        if not isinstance(host, str):
            raise TypeError(f"host must be str, not {type(host).__name__}")
        if isinstance(port, str) and port.isdigit():
            port = int(port)
        if not isinstance(port, int):
            raise TypeError(f"port must be int, not {type(port).__name__}")
        if not 0 < port < 65536:
            raise ValueError(f"port must be between 1 and 65535, not {port}")
        self.host, self.port = host, port
        self.ident, self.secret = ident, secret
        self.timeout = timeout
        self.reconnect = reconnect
        self.sleepwait = sleepwait
        self.brokername = "unknown"
        self.connected = False
        self.stopped = False
        self.closed = False
        self.s: Any = None
        self.subscriptions: set[Union[str, bytes]] = set()
        self.connecting_lock = threading.Lock()

        self._machine = Machine(ident, secret, SIZES[OP_PUBLISH])
        # Held while the machine works, and never while waiting.
        self._thinking = threading.Lock()
        # Held while bytes are handed to the socket: frames of two threads never mix.
        self._writing = threading.Lock()
        # Held while bytes are waited for: one thread at a time reads.
        self._reading = threading.Lock()
        self._waiting = False
        self._reader = 0
        self._read_from: Any = None
        self._room = bytearray(_READ_BYTES)
        self._messages: Deque[Message] = collections.deque()
        self._errors: Deque[str] = collections.deque(maxlen=_ERRORS_MAX)
        self._refused = False
        self._connected_at = 0.0
        self._peer_seen = 0.0
        self._pace = Pace(min(1.0, float(sleepwait)), float(sleepwait))

        self.tryconnect()

    # --- The session ------------------------------------------------------------------------------------------------

    def makesocket(self, addr_family: int) -> Any:
        return socket.socket(addr_family, socket.SOCK_STREAM)

    def tryconnect(self) -> None:
        """Connects. With reconnect, tries until it succeeds, or until stop() or close() is called."""
        with self.connecting_lock:
            while not self.connected and self._pause(self._pace.next_wait()):
                try:
                    self.connect()
                except (FeedException, Disconnect, OSError) as error:
                    logger.error("%s", error)
                    if self.reconnect:
                        continue
                    if isinstance(error, (FeedException, Disconnect)):
                        raise
                    raise FeedException(str(error)) from error

    def _pause(self, seconds: float) -> bool:
        """False when the session shall not go on."""
        end = time.monotonic() + seconds
        while not (self.stopped or self.closed):
            left = end - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, _LOOK_SECONDS))
        return False

    def connect(self) -> None:
        """One attempt."""
        self.close_old()
        logger.info("connecting to %s:%s", self.host, self.port)
        self._refused = False
        self.s = sock = self._open()
        try:
            self._greet(sock)
            sock.settimeout(None)
            self._keep_alive(sock)
        except BaseException:
            self.close_old()
            raise
        self._connected_at = time.monotonic()
        self._peer_seen = 0.0
        self.connected = True

    def _open(self) -> Any:
        """A connected socket to the first address of the host that answers."""
        try:
            addresses = socket.getaddrinfo(self.host, self.port, socket.AF_UNSPEC, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FeedException(f"Could not connect to broker {self.host}: {error}") from error
        last: Optional[BaseException] = None
        for family, _kind, _protocol, _name, address in addresses:
            sock = None
            try:
                sock = self.makesocket(family)
                sock.settimeout(self.timeout)
                sock.connect(address)
                return sock
            except ssl.SSLCertVerificationError as error:
                logger.error("Error validating certificate: %s", error)
                last = error
            except OSError as error:
                logger.warning("Could not connect to broker %s[%s]: %s", self.host, address[0], error)
                last = error
            except BaseException:
                if sock is not None:
                    sock.close()
                raise
            if sock is not None:
                sock.close()
        raise FeedException(f"Could not connect to broker {self.host}: {last}") from last

    def _greet(self, sock: Any) -> None:
        """Hears INFO and answers it: the machine says AUTH and every subscription."""
        with self._thinking:
            self._machine.reset()
        room = bytearray(BUFSIZ)
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        while not self._machine.connected:
            if deadline is not None:
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                self._understand(sock, room, sock.recv_into(room))
            except (socket.timeout, TimeoutError):
                raise FeedException("Connection receive timeout.") from None
            except ProtocolException as error:
                raise FeedException(f"Expected OP_INFO, but {error}") from error
        sock.settimeout(self.timeout)
        with self._thinking:
            greeting = self._machine.take_output()
        self._send_all(sock, greeting)

    @staticmethod
    def _keep_alive(sock: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform.startswith("linux"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)

    def close_old(self) -> None:
        """Closes the socket of an earlier attempt."""
        old, self.s = self.s, None
        if old is not None:
            self._shut(old, socket.SHUT_RDWR)  # wakes a thread that reads from it
            old.close()

    def _drop(self, sock: Any) -> None:
        """The session on `sock` is over. One that was of use is made again at once, another after a pause."""
        if sock is not self.s:
            return  # another thread has made a new one
        self.connected = False
        if not self._refused and time.monotonic() - self._connected_at > 1:
            self._pace.success()
        self.close_old()

    @staticmethod
    def _shut(sock: Any, how: int) -> None:
        try:
            # Not sock.shutdown(): on a TLS socket that forgets the session another thread is reading from.
            socket.socket.shutdown(sock, how)
        except (OSError, ValueError):
            pass

    # --- Bytes in and out -------------------------------------------------------------------------------------------

    def _understand(self, sock: Any, room: bytearray, count: int) -> None:
        """Gives what was read to the machine, and sorts what that meant. No bytes are the broker's end."""
        if count == 0:
            raise Disconnect("the broker closed the connection")
        with self._thinking:
            if sock is not self.s:
                raise Disconnect("the session was replaced")
            messages, notes = self._machine.receive(room, count)
        self._messages.extend(messages)
        for what, text in notes:
            if what == "connected":
                self.brokername = text
            elif what == "error":
                self._refused = True
                self._errors.append(text)
            else:
                raise ProtocolException(text)

    def _receive(self, sock: Any, timeout: Optional[float] = None) -> bool:
        """Waits for bytes; False when `timeout`, or the socket's own, came first."""
        try:
            count = self._read_some(sock, timeout)
        except (socket.timeout, TimeoutError):
            return False
        except (OSError, ValueError) as error:
            raise Disconnect(str(error)) from error
        self._understand(sock, self._room, count)
        return True

    def _read_some(self, sock: Any, timeout: Optional[float]) -> int:
        if timeout is not None:
            self._await_readable(sock, timeout)
        return int(sock.recv_into(self._room))

    @staticmethod
    def _await_readable(sock: Any, timeout: Optional[float]) -> None:
        """The socket's own timeout stays as it is: another thread may be sending."""
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        if not poll.poll(None if timeout is None else max(timeout, 0) * 1000):
            raise socket.timeout("timed out")

    def _send_all(self, sock: Any, data: bytes) -> None:
        try:
            sock.sendall(data)
        except (socket.timeout, TimeoutError):
            raise Disconnect("Timeout while sending.") from None
        except (OSError, ValueError) as error:
            raise Disconnect(str(error)) from error

    def send(self, data: bytes) -> bool:
        """Sends bytes that are hpfeeds already."""
        with self._writing:
            self._send_all(self._socket(), data)
        return True

    def _socket(self) -> Any:
        sock = self.s
        if self.closed:
            raise Disconnect("the client is closed")
        if sock is None or not self.connected:
            raise Disconnect("not connected")
        return sock

    def _send_or_reconnect(self, data: bytes) -> None:
        """Sends; and if the session is gone, makes a new one and sends again. The pauses between grow."""
        while True:
            sock = self.s
            try:
                self._check_peer()
                self.send(data)
                return
            except Disconnect as error:
                logger.info("Disconnected from broker (in publish): %s", error)
                self._drop(sock)
                if not self.reconnect or self.stopped or self.closed:
                    raise
                self.tryconnect()

    def _check_peer(self) -> None:
        """A broker that hung up has said why; hearing that now is better than writing into nothing."""
        sock = self._socket()
        now = time.monotonic()
        if now - self._peer_seen < _PEER_SECONDS:
            return
        if not peer_is_gone(sock.fileno()):
            self._peer_seen = now
            return
        if self._reading.acquire(blocking=False):  # else the thread that reads hears it
            try:
                self._hear_the_end(sock)
            finally:
                self._reading.release()
        raise Disconnect(self._errors[-1] if self._errors else "the broker closed the connection")

    def _hear_the_end(self, sock: Any) -> None:
        known = len(self._errors)
        deadline = time.monotonic() + (self.timeout or 3)
        try:
            while self._receive(sock, deadline - time.monotonic()):
                pass
        except Disconnect:
            pass
        for text in list(self._errors)[known:]:
            logger.error("The broker says: %s", text)

    # --- What users call --------------------------------------------------------------------------------------------

    def publish(self, chaninfo: Channels, data: Payload) -> None:
        """Sends `data` to one channel, or to each of several. Returns when the system has it.

        Raises MessageTooBig, TooLong and TypeError for what cannot be said; Disconnect when there is no session and
        none shall be made again.
        """
        frame = self._machine.frame
        if isinstance(chaninfo, str):
            self._send_or_reconnect(frame(chaninfo, data))
        else:
            for one in [frame(channel, data) for channel in _names(chaninfo)]:
                self._send_or_reconnect(one)

    def publish_many(self, channel: Union[str, bytes], payloads: Iterable[Payload]) -> int:
        """Sends every payload to a channel, many with one call of the system. Returns how many."""
        count = size = 0
        batch: list[bytes] = []
        for payload in payloads:
            frame = self._machine.frame(channel, payload)
            batch.append(frame)
            count += 1
            size += len(frame)
            if size >= _BATCH_BYTES:
                self._send_or_reconnect(b"".join(batch))
                batch.clear()
                size = 0
        if batch:
            self._send_or_reconnect(b"".join(batch))
        return count

    def subscribe(self, chaninfo: Channels) -> None:
        """From now on, in this session and in all later ones."""
        self._tell_machine(chaninfo, self._machine.subscribe, self.subscriptions.add)

    def unsubscribe(self, chaninfo: Channels) -> None:
        """Messages that are under way still come."""
        self._tell_machine(chaninfo, self._machine.unsubscribe, self.subscriptions.discard)

    def _tell_machine(
        self, channels: Channels, tell: Callable[[Any], None], note: Callable[[Any], None]
    ) -> None:
        with self._writing:
            with self._thinking:
                for channel in _names(channels):
                    tell(channel)
                    note(channel)
                said = self._machine.take_output() if self.connected else b""
            try:
                if said:
                    self._send_all(self._socket(), said)
            except Disconnect as error:
                # Whoever reads or publishes next notices, and the new session subscribes by itself.
                logger.info("Disconnected from broker (in subscribe): %s", error)

    def run(
        self,
        message_callback: Callable[[str, str, bytes], Any],
        error_callback: Callable[[str], Any],
    ) -> None:
        """Reads until stop() is called. What a callback raises comes out of here; run() can then be called again."""
        while True:
            while self._messages and not self.stopped:
                message_callback(*self._messages.popleft())
            while self._errors and not self.stopped:
                error_callback(self._errors.popleft())
            if self.stopped or self.closed:
                break
            try:
                self._wait_for_bytes()
            except Disconnect as error:
                if self._messages or self._errors:
                    continue  # these first; reading an ended session again says the same
                logger.info("Disconnected from broker: %s", error)
                self._renew(error)
        logger.info("Stopped, exiting run loop.")

    def _renew(self, error: Disconnect) -> None:
        if self.stopped or self.closed:
            return
        self._drop(self._read_from)
        if not self.reconnect:
            raise error
        self.tryconnect()

    def _wait_for_bytes(self, timeout: Optional[float] = None) -> bool:
        """_receive() that stop() ends: it shuts the reading half of the socket, which then reads as ended."""
        with self._reading:
            self._reader = threading.get_ident()
            self._waiting = True
            try:
                if self.stopped or self.closed:
                    return False
                self._read_from = self._socket()
                return self._receive(self._read_from, timeout)
            except Disconnect:
                if self.stopped or self.closed:
                    return False
                raise
            finally:
                self._waiting = False

    def read(self, timeout: Optional[float] = None) -> Optional[Message]:
        """The next message; None when the time is over, or after stop(). What the broker complains of is raised."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._messages:
            if self._errors:
                raise FeedException(self._errors.popleft())
            if self.stopped or self.closed:
                return None
            try:
                left = None if deadline is None else deadline - time.monotonic()
                if not self._wait_for_bytes(left) and deadline is not None and time.monotonic() >= deadline:
                    return None
            except Disconnect as error:
                if not self._messages and not self._errors:
                    self._renew(error)
        return self._messages.popleft()

    def wait(self, timeout: Optional[float] = 1) -> Optional[str]:
        """Waits for the broker to complain; its text, or None. Messages that come meanwhile are kept for run()."""
        if not self._errors and len(self._messages) < _MESSAGES_MAX:
            try:
                self._wait_for_bytes(timeout)
            except Disconnect:
                pass
        return self._errors.popleft() if self._errors else None

    def stop(self) -> None:
        """Ends run() and read(), from any thread, from a callback, and from a signal handler."""
        self.stopped = True
        self._wake_reader()

    def _wake_reader(self) -> None:
        sock = self.s
        if self._waiting and sock is not None:
            self._shut(sock, socket.SHUT_RD)

    def close(self) -> None:
        """Ends the session. Waits, timeout at most, until the broker has read everything and closes its side.

        Only then is it known that the last messages arrived; what the broker complains of meanwhile is logged.
        """
        if self.closed:
            return
        self.closed = True
        self._wake_reader()
        sock = self.s
        # A signal handler interrupts the very read that it would have to wait for.
        interrupts = self._waiting and self._reader == threading.get_ident()
        if sock is not None and self.connected and not interrupts:
            with self._reading:
                self._say_goodbye(sock)
        self.connected = False
        self.close_old()

    def _say_goodbye(self, sock: Any) -> None:
        known = len(self._errors)
        self._shut(sock, socket.SHUT_WR)
        deadline = time.monotonic() + (self.timeout or 3)
        try:
            while self._receive(sock, deadline - time.monotonic()):
                self._messages.clear()  # or a broker that keeps sending would fill the memory
        except Disconnect:
            pass
        for text in list(self._errors)[known:]:
            logger.error("The broker says: %s", text)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        sock = getattr(self, "s", None)
        if sock is not None:
            sock.close()


class SslClient(Client):
    """A Client over TLS. certfile: PEM certificates to trust besides the system's."""

    def __init__(self, *args: Any, certfile: Optional[str] = None, **kwargs: Any) -> None:
        self.certfile = certfile
        self._context = ssl.create_default_context()
        if certfile:
            try:
                self._context.load_verify_locations(certfile)
            except OSError as error:
                raise FeedException(f"Could not load the certificate {certfile}: {error}") from error
        # One TLS session is for one thread at a time, even if one of them reads and the other writes.
        self._tls = threading.RLock()
        super().__init__(*args, **kwargs)

    def makesocket(self, addr_family: int) -> Any:
        sock = socket.socket(addr_family, socket.SOCK_STREAM)
        return self._context.wrap_socket(sock, server_hostname=self.host)

    def _read_some(self, sock: Any, timeout: Optional[float]) -> int:
        if timeout is None:
            timeout = sock.gettimeout()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            count = self._read_what_is_there(sock)
            if count is not None:
                return count
            self._await_readable(sock, None if deadline is None else deadline - time.monotonic())

    def _read_what_is_there(self, sock: Any) -> Optional[int]:
        with self._tls:
            before = sock.gettimeout()
            sock.settimeout(0)
            try:
                return int(sock.recv_into(self._room))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                return None
            finally:
                if sock.fileno() >= 0:
                    sock.settimeout(before)

    def _send_all(self, sock: Any, data: bytes) -> None:
        with self._tls:
            super()._send_all(sock, data)

    def _say_goodbye(self, sock: Any) -> None:
        """TLS says its own goodbye first, or the broker must take the end for an attack."""
        try:
            with self._tls:
                sock.settimeout(self.timeout or 3)
                sock.unwrap().close()
        except (OSError, ValueError):
            pass


def new(
    host: str = "localhost",
    port: int = 10000,
    ident: Union[str, bytes, None] = None,
    secret: Union[str, bytes, None] = None,
    timeout: Optional[float] = 3,
    reconnect: bool = True,
    sleepwait: float = 20,
    certfile: Optional[str] = None,
    tls: bool = False,
    **kwargs: Any,
) -> Client:
    """A Client; over TLS when `tls` is true or `certfile` names certificates to trust."""
    if ident is None or secret is None:
        raise TypeError("ident and secret are needed: hpfeeds.new(host, port, ident, secret)")
    if certfile or tls:
        return SslClient(
            host, port, ident, secret, timeout, reconnect, sleepwait, certfile=certfile, **kwargs
        )
    return Client(host, port, ident, secret, timeout, reconnect, sleepwait, **kwargs)
