"""A wire between two ends: late, deaf, cut."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from syncer.simulators.wire import Wire


class Echo(socketserver.BaseRequestHandler):
    """Answers each question with itself, and remembers it."""

    def handle(self) -> None:
        while question := self.request.recv(1024):
            self.server.heard.append(question)  # type: ignore[attr-defined]
            self.request.sendall(question)


@pytest.fixture
def far() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.heard = []  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def wire(far: socketserver.ThreadingTCPServer) -> Iterator[Wire]:
    wire = Wire(far.server_address[1])
    wire.open()
    yield wire
    wire.close()


def ask(wire: Wire, question: bytes = b"?") -> bytes:
    with socket.create_connection((wire.host, wire.port), timeout=5) as line:
        line.sendall(question)
        return line.recv(1024)


def test_what_is_asked_is_answered(wire: Wire) -> None:
    assert ask(wire, b"how are you") == b"how are you"


def test_an_answer_takes_as_long_as_the_wire_is(wire: Wire) -> None:
    wire.latency = 0.2
    began = time.monotonic()
    assert ask(wire) == b"?"
    assert 0.2 <= time.monotonic() - began < 2.0


def test_a_lost_answer_is_that_of_a_question_which_arrived(wire: Wire, far: socketserver.ThreadingTCPServer) -> None:
    wire.answers_left = 0
    try:
        answer = ask(wire, b"lost")
    except ConnectionResetError:
        answer = b""
    assert answer == b""
    assert far.heard == [b"lost"]  # type: ignore[attr-defined]


def test_a_cut_wire_refuses_and_is_there_again_at_the_same_port(wire: Wire) -> None:
    port = wire.port
    with socket.create_connection((wire.host, wire.port), timeout=5) as line:
        line.sendall(b"?")
        assert line.recv(10) == b"?"
        wire.close()
        with pytest.raises(ConnectionRefusedError):
            ask(wire)
        wire.open()
    assert wire.port == port
    assert ask(wire) == b"?"
