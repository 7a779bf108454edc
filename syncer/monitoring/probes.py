"""Are the servers there that the engine depends on? A probe returns soon, or raises `Unreachable` saying why."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import SplitResult, unquote, urlsplit

from syncer.domain.errors import Unreachable

#: Seconds for the broker to answer; whoever asks (a supervisor) waits a second or two itself.
BROKER_SECONDS = 1.0


def broker(url: str) -> None:
    """Redis answers a ping on a connection of its own: a pool that is used up must not look like a dead server."""
    parts = urlsplit(url)
    try:
        answer = _ask(parts)
    except OSError as error:
        raise Unreachable(f"the broker does not answer: {type(error).__name__}") from error
    if not answer.endswith(b"+PONG\r\n"):
        raise Unreachable(f"the broker answers {answer[:60].decode('ascii', 'replace').strip()!r}")


def _ask(parts: SplitResult) -> bytes:
    address = (parts.hostname or "127.0.0.1", parts.port or 6379)
    with socket.create_connection(address, BROKER_SECONDS) as plain:
        if parts.scheme != "rediss":
            return _talk(plain, parts)
        with ssl.create_default_context().wrap_socket(plain, server_hostname=address[0]) as secured:
            return _talk(secured, parts)


def _talk(connection: socket.socket, parts: SplitResult) -> bytes:
    commands = [[b"PING"]]
    if parts.password:
        user = [unquote(parts.username).encode()] if parts.username else []
        commands.insert(0, [b"AUTH", *user, unquote(parts.password).encode()])
    connection.sendall(b"".join(map(_encoded, commands)))
    answer = b""
    while answer.count(b"\r\n") < len(commands) and (part := connection.recv(1024)):
        answer += part
    return answer


def _encoded(words: list[bytes]) -> bytes:
    """A command in Redis' own protocol (RESP)."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
