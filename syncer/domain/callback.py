"""Our own mark in every message we send: the platform repeats it in each status (`biz_opaque_callback_data`).

It is made of the message's `ref`, which is random, and not of its number: numbers begin anew with every database, and
the echo of a message from an older one must not be taken for an answer to ours.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"([0-9a-f]{32})\.([0-9]{1,4})")


def mark(ref: str, attempt: int) -> str:
    """The callback data of one attempt to send one message."""
    return f"{ref}.{attempt}"


def ref_of(callback_data: str | None) -> str | None:
    """Whose echo this is; None when it is not a mark of ours."""
    found = _MARK.fullmatch(callback_data or "")
    return found[1] if found else None
