# SPDX-License-Identifier: Apache-2.0
"""The blocking client: hpfeeds.new() and Client.

A call does its work and returns; there is no thread behind it. While a call waits for the network other threads run,
and Ctrl+C is heard. Any number of threads may publish at the same time, and one of them may run() or read(). Under
gevent, with its sockets patched in, the same holds for greenlets.
"""
from __future__ import annotations

import collections
import logging
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
from .protocol import OP_PUBLISH, SIZES

__all__ = ["Client", "FeedException", "SslClient", "new"]

logger = logging.getLogger("pyhpfeeds")

Message = tuple[str, str, bytes]
Channels = Union[str, bytes, Iterable[Union[str, bytes]]]
Payload = Union[str, bytes, bytearray, memoryview]

# One read takes what a socket's buffer holds; the memory is kept.
_READ_BYTES = 262144
# publish_many() hands frames to the system in pieces of about this size.
_BATCH_BYTES = 262144


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
        # Held while bytes are handed to the socket: frames of two threads never mix.
        self._writing = threading.Lock()
        # Held while the machine works; never while waiting.
        self._thinking = threading.Lock()
        self._room = bytearray(_READ_BYTES)
        self._waiting = False
        self._stop = threading.Event()
        self._messages: Deque[Message] = collections.deque()
        self._errors: Deque[str] = collections.deque()
        self._pace = Pace(min(1.0, float(sleepwait)), float(sleepwait))
        self._connected_at = 0.0

        self.tryconnect()

    # --- The session ------------------------------------------------------------------------------------------------

    def makesocket(self, addr_family: int) -> Any:
        return socket.socket(addr_family, socket.SOCK_STREAM)

    def tryconnect(self) -> None:
        """Connects. With reconnect, tries until it succeeds, or until stop() or close() is called."""
        with self.connecting_lock:
            while not self.connected and not self.closed:
                if self._stop.wait(self._pace.next_wait()):
                    return
                try:
                    self.connect()
                except (FeedException, Disconnect, OSError) as error:
                    logger.error("%s", error)
                    self._drop()
                    if not self.reconnect:
                        if isinstance(error, (FeedException, Disconnect)):
                            raise
                        raise FeedException(str(error)) from error

    def connect(self) -> None:
        """One attempt."""
        self.close_old()
        logger.info("connecting to %s:%s", self.host, self.port)
        self.s = self._open()
        try:
            self._greet()
            self.s.settimeout(None)
            self._keep_alive(self.s)
        except BaseException:
            self.close_old()
            raise
        self._connected_at = time.monotonic()
        self.connected = True
        if self.closed:  # by another thread, meanwhile
            self._drop()

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

    def _greet(self) -> None:
        """Hears INFO and answers it: the machine says AUTH and every subscription."""
        with self._thinking:
            self._machine.reset()
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        while not self._machine.connected:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise FeedException("Connection receive timeout.")
                self.s.settimeout(left)
            try:
                self._understand(self.s.recv_into(self._room))
            except (socket.timeout, TimeoutError):
                raise FeedException("Connection receive timeout.") from None
            except ProtocolException as error:
                raise FeedException(f"Expected OP_INFO, but {error}") from error
        self.s.settimeout(self.timeout)
        with self._thinking:
            greeting = self._machine.take_output()
        self._send_all(greeting)

    @staticmethod
    def _keep_alive(sock: Any) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform.startswith("linux"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)

    def close_old(self) -> None:
        """Closes the socket of an earlier attempt."""
        old, self.s = self.s, None
        if old is not None:
            old.close()

    def _drop(self) -> None:
        """The session is over. One that was of use is made again at once, another after a pause."""
        if self.connected and not self._errors and time.monotonic() - self._connected_at > 1:
            self._pace.success()
        self.connected = False
        self.close_old()

    # --- Bytes in and out -------------------------------------------------------------------------------------------

    def _understand(self, count: int) -> None:
        """Gives what was read to the machine, and sorts what that meant. No bytes are the broker's end."""
        if count == 0:
            raise Disconnect("the broker closed the connection")
        with self._thinking:
            messages, notes = self._machine.receive(self._room, count)
        self._messages.extend(messages)
        for what, text in notes:
            if what == "connected":
                self.brokername = text
            elif what == "error":
                self._errors.append(text)
            else:
                raise ProtocolException(text)

    def _receive(self) -> bool:
        """Waits for bytes; False when the socket's timeout came first."""
        sock = self.s
        if sock is None:
            raise Disconnect("not connected")
        try:
            count = self._read_some(sock)
        except (socket.timeout, TimeoutError):
            return False
        except (OSError, ValueError) as error:
            raise Disconnect(str(error)) from error
        self._understand(count)
        return True

    def _read_some(self, sock: Any) -> int:
        return int(sock.recv_into(self._room))

    def _send_all(self, data: bytes) -> None:
        sock = self.s
        if sock is None:
            raise Disconnect("not connected")
        try:
            sock.sendall(data)
        except (socket.timeout, TimeoutError):
            raise Disconnect("Timeout while sending.") from None
        except (OSError, ValueError) as error:
            raise Disconnect(str(error)) from error

    def send(self, data: bytes) -> bool:
        """Sends bytes that are hpfeeds already."""
        with self._writing:
            self._send_all(data)
        return True

    def _send_or_reconnect(self, data: bytes) -> None:
        """Sends, on a new session if this one is gone; once, as a broker that always hangs up would be asked for ever."""
        for last in (False, True):
            try:
                self._check_peer()
                self.send(data)
                return
            except Disconnect as error:
                logger.info("Disconnected from broker (in publish): %s", error)
                self._drop()
                if last or not self.reconnect or self.closed:
                    raise
                self.tryconnect()
                if not self.connected:  # stopped or closed meanwhile
                    raise

    def _check_peer(self) -> None:
        """A broker that hung up has said why; hearing that now is better than writing into nothing."""
        sock = self.s
        if self.closed:
            raise Disconnect("the client is closed")
        if sock is None or not self.connected:
            raise Disconnect("not connected")
        if not peer_is_gone(sock.fileno()):
            return
        if not self._waiting:  # else the reading thread hears it
            self._hear_the_end()
        raise Disconnect(self._errors[-1] if self._errors else "the broker closed the connection")

    def _hear_the_end(self) -> None:
        try:
            self.s.settimeout(self.timeout)
            while self._receive():
                pass
        except (Disconnect, OSError):
            pass
        for text in self._errors:
            logger.error("The broker says: %s", text)

    # --- What users call --------------------------------------------------------------------------------------------

    def publish(self, chaninfo: Channels, data: Payload) -> None:
        """Sends `data` to one channel, or to each of several. Returns when the system has it.

        Raises MessageTooBig, TooLong and TypeError for what cannot be said; Disconnect when there is no session and
        none shall be made again.
        """
        with self._thinking:
            frames = [self._machine.frame(channel, data) for channel in _names(chaninfo)]
        for frame in frames:
            self._send_or_reconnect(frame)

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
                    self._send_all(said)
            except Disconnect as error:
                logger.info("Disconnected from broker (in subscribe): %s", error)
                # Whoever reads or publishes next notices, and the new session subscribes by itself.

    def run(
        self,
        message_callback: Callable[[str, str, bytes], Any],
        error_callback: Callable[[str], Any],
    ) -> None:
        """Reads until stop() is called. What a callback raises comes out of here; run() can then be called again."""
        while not self.stopped and not self.closed:
            self._hand_out(message_callback, error_callback)
            if self.stopped or self.closed:
                break
            try:
                self._wait_for_bytes()
            except Disconnect as error:
                self._hand_out(message_callback, error_callback, keep_errors=True)
                self._drop()
                self._errors.clear()
                if self.stopped or self.closed:
                    break
                logger.info("Disconnected from broker: %s", error)
                if not self.reconnect:
                    raise
                self.tryconnect()
        logger.info("Stopped, exiting run loop.")

    def _hand_out(
        self,
        message_callback: Callable[[str, str, bytes], Any],
        error_callback: Callable[[str], Any],
        keep_errors: bool = False,
    ) -> None:
        messages = self._messages
        while messages and not self.stopped:
            message_callback(*messages.popleft())
        for _ in range(len(self._errors)):
            text = self._errors.popleft()
            if keep_errors:  # _drop() wants to know that there were some
                self._errors.append(text)
            error_callback(text)

    def _wait_for_bytes(self) -> bool:
        """_receive() that stop() ends: it shuts the reading half of the socket, which then reads as ended."""
        self._waiting = True
        try:
            if self.stopped or self.closed:
                return False
            return self._receive()
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
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            try:
                if not self.connected:
                    raise Disconnect("not connected")
                self._with_timeout(left)
            except Disconnect:
                self._drop()
                if self._messages or self._errors or self.stopped or self.closed:
                    continue
                if not self.reconnect:
                    raise
                self.tryconnect()
        return self._messages.popleft()

    def wait(self, timeout: Optional[float] = 1) -> Optional[str]:
        """Waits for the broker to complain; its text, or None. Messages that come meanwhile are kept for run()."""
        if not self._errors:
            try:
                self._with_timeout(timeout)
            except Disconnect:
                pass
        return self._errors.popleft() if self._errors else None

    def _with_timeout(self, timeout: Optional[float]) -> None:
        """One read with a time of its own; the socket keeps the one it had."""
        sock = self.s
        if sock is None:
            raise Disconnect("not connected")
        before = sock.gettimeout()
        sock.settimeout(timeout if timeout is None else max(timeout, 0.000001))
        try:
            self._wait_for_bytes()
        finally:
            if sock.fileno() >= 0:
                sock.settimeout(before)

    def stop(self) -> None:
        """Ends run() and read(), from any thread, from a callback, and from a signal handler."""
        self.stopped = True
        self._stop.set()
        if self._waiting:
            self._shut(socket.SHUT_RD)

    def _shut(self, how: int) -> None:
        sock = self.s
        try:
            if sock is not None:
                # Not sock.shutdown(): on a TLS socket that forgets the session another thread is reading from.
                socket.socket.shutdown(sock, how)
        except OSError:
            pass

    def close(self) -> None:
        """Ends the session. Waits, timeout at most, until the broker has read everything and closes its side.

        Only then is it known that the last messages arrived; what the broker complains of meanwhile is logged.
        """
        if self.closed:
            return
        self.closed = True
        self._stop.set()
        if self._waiting or self.connecting_lock.locked():
            self._shut(socket.SHUT_RDWR)
            return
        if self.connected and self.s is not None:
            self._say_goodbye()
        self.connected = False
        self.close_old()

    def _say_goodbye(self) -> None:
        self._shut(socket.SHUT_WR)
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        try:
            while deadline is None or time.monotonic() < deadline:
                self.s.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
                if not self._receive():
                    break
                self._messages.clear()
        except (Disconnect, OSError):
            pass
        for text in self._errors:
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

    def _read_some(self, sock: Any) -> int:
        import select

        timeout = sock.gettimeout()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._tls:
                before = sock.gettimeout()
                sock.settimeout(0)
                try:
                    return int(sock.recv_into(self._room))
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    pass
                finally:
                    if sock.fileno() >= 0:
                        sock.settimeout(before)
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise socket.timeout("timed out")
            select.select([sock], [], [], left)

    def _send_all(self, data: bytes) -> None:
        with self._tls:
            super()._send_all(data)

    def _say_goodbye(self) -> None:
        """TLS says its own goodbye first, or the broker must take the end for an attack."""
        try:
            with self._tls:
                self.s.settimeout(self.timeout)
                self.s.unwrap().close()
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
