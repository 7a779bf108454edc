"""Connections under one deadline, for `syncer.http`: urllib3's own, with three habits changed.

urllib3 counts a timeout from one received byte to the next, gives it anew to each address of a name, and waits for a
name lookup without limit. Here a thread states once when its exchange must be over (`call.begin`), and lookup, connect,
TLS, sending, head and body all live on what is left of that. Files may have long, if only something moves all the time.

`call.written` tells whether the head of the request has been handed to the operating system whole: before that, nothing
can have happened on the other side.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

# urllib3 would log every address with its path and query, where secrets may be; `trace` writes what may be read.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

#: A connection idle for longer is not used again: servers close theirs after 5 to 75 s, and the two must not cross.
IDLE_SECONDS = 20.0


class NotAdmitted(OSError):
    """The name leads to an address that this exchange must not reach."""


class Call(threading.local):
    """What this thread's current exchange has come to. `ends` is a moment of `time.monotonic`, `idle` the longest that
    a single step may take; `admits` says of an address whether it may be connected to."""

    ends = float("inf")
    idle = float("inf")
    written = False
    admits: Callable[[str], bool] | None = None

    def begin(self, ends: float, idle: float = float("inf"), admits: Callable[[str], bool] | None = None) -> None:
        """A new exchange, to be over by `ends`, in which nothing may stand still for `idle` seconds."""
        self.ends, self.idle, self.written, self.admits = ends, idle, False, admits

    def vetted(self, addresses: list[str]) -> list[str]:
        """These addresses, if all of them may be connected to; raises `NotAdmitted` otherwise. It is asked of what the
        connection is then made to: between the two nothing is looked up again."""
        if self.admits is not None and not all(self.admits(address) for address in addresses):
            raise NotAdmitted("the address is not admitted")
        return addresses

    def left(self) -> float:
        """Seconds that the next step may take; raises `TimeoutError` after the deadline."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        return min(left, self.idle)


call = Call()


class _Timed(io.RawIOBase):
    """A socket to read from whose every read gets only what is left of the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(call.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock))


class _Bounded(HTTPConnection):
    response_class = _Answer
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used_at < IDLE_SECONDS and super().is_connected

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as late:  # in the TLS handshake; urllib3 would call it a read timeout
            raise ConnectTimeoutError(self, "TLS handshake timed out") from late

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(call.left())
        super().send(data)
        call.written = True
        self._used_at = time.monotonic()

    def _new_conn(self) -> socket.socket:
        budget = float(self.timeout or 0)
        ends = time.monotonic() + min(budget, call.left())
        try:
            sock = _connect_to_any(self._addresses(ends - time.monotonic()), self.port, ends, self.socket_options)
        except TimeoutError as late:
            raise ConnectTimeoutError(self, f"no connection within {budget} s") from late
        except OSError as fault:
            raise NewConnectionError(self, str(fault)) from fault
        sock.settimeout(min(budget, call.left()))
        return sock

    def _addresses(self, seconds: float) -> list[str]:
        try:
            return call.vetted(resolve(self.host.strip("[]"), self.port, seconds))
        except socket.gaierror as fault:
            raise NameResolutionError(self.host, self, fault) from fault


class _BoundedTls(_Bounded, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    """urllib3's pool for http:// over connections under a deadline."""

    ConnectionCls = _Bounded


class TlsPool(HTTPSConnectionPool):
    """The same for https://."""

    ConnectionCls = _BoundedTls


def _connect_to_any(addresses: list[str], port: int, ends: float, options: Any) -> socket.socket:
    """Each address gets its share of what is left, so that a dead first one (IPv6 without a route) leaves time."""
    fault = OSError("the name has no address")
    for index, address in enumerate(addresses):
        share = max(ends - time.monotonic(), 0.001) / (len(addresses) - index)
        try:
            return create_connection((address, port), share, socket_options=options)
        except OSError as refused:
            fault = refused
    raise fault


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name, in the system's order. Raises `socket.gaierror`, or `TimeoutError` after `seconds`.

    The system's resolver cannot be told how long it may take (10 s and more with a dead name server), so it gets a
    thread to hang in.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
        except (OSError, UnicodeError) as fault:
            found.put(fault if isinstance(fault, OSError) else socket.gaierror(str(fault)))

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        result = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("name lookup") from None
    if isinstance(result, OSError):
        raise result
    return result
