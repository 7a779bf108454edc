"""The last line of a text in which the engine keeps what Zoho has no field for: the record's reference as one word, and
what else has to be known of it. People read it too."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

_LINE = re.compile(r"(?:^|\n)\[(wa[0-9a-f]{24})((?: · [a-z_]+=[^\n]*)?)\]\s*$", re.DOTALL)
_MARK = " · "


def word(ref: str) -> str:
    """One word that stands for a reference, whatever characters that has."""
    return "wa" + hashlib.blake2b(ref.encode(errors="replace"), digest_size=12).hexdigest()


def with_line(text: str, ref: str, values: Mapping[str, str | None]) -> str:
    """The text with its last line, in the place of an older one."""
    told = "".join(f"{_MARK}{role}={flat(value)}" for role, value in values.items() if value is not None)
    return f"{_LINE.sub('', text)}\n[{word(ref)}{told}]"


def read_line(text: str) -> tuple[str, dict[str, str]] | None:
    """The word and the values of a text's last line; None where there is none."""
    found = _LINE.search(text)
    if found is None:
        return None
    pairs = (part.partition("=") for part in found[2].split(_MARK) if part)
    return found[1], {role: value for role, _, value in pairs}


def flat(value: str) -> str:
    """A value that cannot be taken for two, or for the end of the line."""
    return " ".join(value.split()).replace("·", "-").replace("]", ")")
