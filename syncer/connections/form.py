"""A multipart form around a file that never stands in memory whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class FilePart:
    """The file of a multipart form: the field's name, the file, and what it is called and said to be."""

    field: str
    path: Path
    filename: str
    mime_type: str


class Form:
    """A multipart form around one open file. It has a length, so that it leaves with a Content-Length, and a `read`, so
    that it leaves in pieces."""

    def __init__(self, fields: Mapping[str, str], file: FilePart, source: BinaryIO) -> None:
        self.boundary = secrets.token_hex(16)
        plain = "".join(self._part(f'name="{name}"') + value + "\r\n" for name, value in fields.items())
        named = f'name="{file.field}"; filename="{_quoted(file.filename)}"'
        opening = plain + self._part(named, f"Content-Type: {_quoted(file.mime_type)}\r\n")
        self._left = os.fstat(source.fileno()).st_size
        self._parts: list[BinaryIO] = [
            BytesIO(opening.encode()),
            source,
            BytesIO(f"\r\n--{self.boundary}--\r\n".encode()),
        ]
        self._source = source
        self._length = self._left + sum(len(part.getvalue()) for part in self._parts if isinstance(part, BytesIO))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_PIECE), b"")

    def __str__(self) -> str:
        return f"multipart form of {self._length} bytes"

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes more, all of them if it is negative; empty at the end. Raises `OSError` when the file
        has become shorter than it was."""
        if size < 0:
            return b"".join(self)
        while self._parts:
            part = self._parts[0]
            piece = part.read(min(size, self._left) if part is self._source else size)
            if part is self._source:
                self._left -= len(piece)
                if not piece and self._left > 0:
                    raise OSError("the file became shorter while it was sent")
            if piece:
                return piece
            self._parts.pop(0)
        return b""

    def _part(self, disposition: str, more: str = "") -> str:
        return f"--{self.boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"


def _quoted(text: str) -> str:
    """As browsers write it into a form's head, so that no name can end the line."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
