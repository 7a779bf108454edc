"""A HubSpot that only serves: a dirty Taiwanese customer table as pages of contacts, made once and kept in a file.

`python -m benchmarks.hubspot_source FOLDER ROWS` prints the port of a server of its own and serves the first ROWS rows
until its stdin closes: `GET /crm/objects/{version}/contacts?after=...` answers prepared bytes out of the page cache, so
that the process beside the engine's costs as little of the shared cores as can be. Everything that HubSpot has the
answer carries is there: ids and properties as text or null, `createdAt`, `updatedAt`, `archived`, `paging.next`
(reference: list contacts, 100 a page at most). Real HubSpot compresses its answers and takes 19 such requests a second;
the simulator (`syncer.simulators.hubspot`) is strict about all that, this server is not.
"""

from __future__ import annotations

import json
import mmap
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks import hubspot_contacts as contacts
from config.object_mapping import ContactObject

PAGE = 100
_AFTER = re.compile(rb"[?&]after=([0-9]+)")
_ARCHIVED = re.compile(rb"[?&]archived=true")
_NOTHING = b'{"results":[]}'


def prepare(folder: Path, rows: int, mapping: ContactObject) -> Path:
    """The folder with pages of at least `rows` contacts, made unless they are there. A table is a prefix of every
    longer one, so the longest that is there serves."""
    names = {item.contact: item.crm for item in mapping.to_contact}
    listed = contacts.properties(mapping.to_contact, mapping.unique)
    key = blake2b(repr((contacts.VERSION, listed, sorted(names.items()))).encode(), digest_size=6).hexdigest()
    for have in sorted(folder.glob(f"hubspot-{key}-*"), key=_rows_of):
        if _rows_of(have) >= rows and (have / "index.json").exists():
            return have
    place = folder / f"hubspot-{key}-{rows}"
    place.mkdir(parents=True, exist_ok=True)
    index: list[tuple[int, int, str]] = []
    with (place / "pages").open("wb") as file:
        for page, after in contacts.pages(rows, PAGE, names):
            index.append((file.tell(), len(page), after))
            file.write(page)
    # Written last: a folder without it is half-made.
    (place / "index.json").write_text(json.dumps({"pages": index, "properties": listed}))
    return place


def _rows_of(place: Path) -> int:
    return int(place.name.rpartition("-")[2])


@contextmanager
def serving(folder: Path, rows: int) -> Iterator[str]:
    """The base address of a server process that serves the first `rows` contacts of a prepared folder."""
    command = [sys.executable, "-m", "benchmarks.hubspot_source", str(folder), str(rows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


class _Pages:
    """Answers, by the `after` of their request."""

    def __init__(self, folder: Path, rows: int) -> None:
        described = json.loads((folder / "index.json").read_text())
        with (folder / "pages").open("rb") as file:
            self._bytes = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        self._pages: Sequence[tuple[int, int, str]] = described["pages"][: rows // PAGE]
        self._at = {b"": 0} | {after.encode(): number for number, (_, _, after) in enumerate(self._pages, 1) if after}
        self._properties = json.dumps({"results": described["properties"]}).encode()

    def after(self, number: int) -> str:
        """The cursor behind a page."""
        return self._pages[number][2]

    def answer(self, target: bytes) -> Sequence[bytes | memoryview]:
        """The parts of the body for a request's path and query."""
        if target.startswith(b"/crm/properties/"):
            return (self._properties,)
        if not target.startswith(b"/crm/objects/") or _ARCHIVED.search(target):
            return (_NOTHING,)
        after = _AFTER.search(target)
        number = self._at.get(after[1] if after else b"")
        if number is None or number >= len(self._pages):
            return (_NOTHING,)
        start, length, next_after = self._pages[number]
        page = self._bytes[start : start + length]
        return (page, contacts.ending(next_after if number + 1 < len(self._pages) else ""))


def bodies(folder: Path, rows: int) -> Iterator[bytes]:
    """Every answer of a walk through all pages."""
    pages, after = _Pages(folder, rows), ""
    for number in range(rows // PAGE):
        yield b"".join(map(bytes, pages.answer(f"/crm/objects/x/contacts?after={after}".encode())))
        after = pages.after(number)


def _serve(pages: _Pages, connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    with connection:
        while received := connection.recv(65536):
            waiting += received
            while b"\r\n\r\n" in waiting:
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                body = pages.answer(head.split(b" ", 2)[1])
                length = sum(map(len, body))
                first = b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
                _send(connection, [first % length, *body])


def _send(connection: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
    sent, length = connection.sendmsg(parts), sum(map(len, parts))
    if sent < length:
        connection.sendall(b"".join(parts)[sent:])


def _main(folder: str, rows: str) -> None:
    pages = _Pages(Path(folder), int(rows))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_accept, args=(listening, pages), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()


def _accept(listening: socket.socket, pages: _Pages) -> None:
    while True:
        connection: Any = listening.accept()[0]
        Thread(target=_serve, args=(pages, connection), daemon=True).start()


if __name__ == "__main__":
    _main(*sys.argv[1:])
