"""Text that PostgreSQL and every CRM can store, made from text that anybody could have typed."""

from __future__ import annotations

import re

#: Code points no UTF-8 text column takes: NUL (PostgreSQL refuses it) and lone surrogates (JSON escapes can carry
#: them).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """The same text with each unstorable code point replaced by U+FFFD; everything else, emoji and RTL too, is kept."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis marking what was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
