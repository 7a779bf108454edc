"""Small files that every viewer opens: what a customer sends when a test names only the kind of medium."""

from __future__ import annotations

import base64
import struct
from functools import cache

_CRC_POLYNOMIAL = 0x04C11DB7
_WEBP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"


@cache
def sample_file(kind: str) -> tuple[bytes, str]:
    """Content and MIME type as a phone sends this kind: image, video, audio, document or sticker."""
    match kind:
        case "image":
            return _jpeg(), "image/jpeg"
        case "video":
            return _mp4(), "video/mp4"
        case "audio":
            return _ogg(), "audio/ogg; codecs=opus"
        case "document":
            return _pdf(), "application/pdf"
        case "sticker":
            return base64.b64decode(_WEBP), "image/webp"
    raise ValueError(f"{kind!r} is no kind of medium")


def _jpeg() -> bytes:
    """One grey pixel: one-bit Huffman codes for 'no difference' and 'end of block', padded with ones."""

    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    one_code = bytes([1] + [0] * 15) + b"\x00"
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            segment(0xDB, b"\x00" + b"\x10" * 64),
            segment(0xC0, struct.pack(">BHHB", 8, 1, 1, 1) + b"\x01\x11\x00"),
            segment(0xC4, b"\x00" + one_code),
            segment(0xC4, b"\x10" + one_code),
            segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            b"\x3f\xff\xd9",
        )
    )


def _mp4() -> bytes:
    """A film of no length: the boxes that make the format, without a track."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = struct.pack(">IIIIIIH", 0, 0, 0, 1000, 0, 0x10000, 0x100) + bytes(10) + matrix + bytes(24)
    film = box(b"mvhd", header + struct.pack(">I", 1))
    return box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isommp42") + box(b"moov", film) + box(b"mdat", b"")


def _ogg() -> bytes:
    """A voice note of 20 ms of silence (Ogg pages with one Opus packet each; RFC 3533, RFC 7845)."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 16_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 9) + b"simulator" + struct.pack("<I", 0)
    pages = ((2, 0, head), (0, 0, tags), (4, 960, b"\xf8\xff\xfe"))
    return b"".join(_ogg_page(number, *page) for number, page in enumerate(pages))


def _ogg_page(number: int, flags: int, position: int, packet: bytes) -> bytes:
    def page(checksum: int) -> bytes:
        fixed = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, checksum, 1)
        return fixed + bytes([len(packet)]) + packet

    return page(_ogg_checksum(page(0)))


def _ogg_checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = ((value << 1) ^ (_CRC_POLYNOMIAL if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def _pdf() -> bytes:
    """One empty page, with a cross-reference table that fits."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    )
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 4\n0000000000 65535 f \n" + table + end
