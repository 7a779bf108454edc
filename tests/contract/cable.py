"""A wire to Redis that a test can cut and stall."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest


class Cable:
    """A wire to Redis that a test can cut, and stall: TCP forwarding on a port of its own."""

    def __init__(self, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        self._far = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wires: list[socket.socket] = []
        self.whole = True
        self.flowing = threading.Event()
        self.flowing.set()
        self.calls = 0
        self.carried = 0
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.whole = False
        for wire in self._wires:
            with suppress(OSError):  # the other end may be gone already
                wire.shutdown(socket.SHUT_RDWR)
        self._wires.clear()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.calls += 1
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(self._far)
                self._wires += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(65536):
                self.carried += 1
                self.flowing.wait(5)
                sink.sendall(data)


@pytest.fixture
def cable(redis_url: str) -> Iterator[Cable]:
    cable = Cable(redis_url)
    yield cable
    cable.close()
