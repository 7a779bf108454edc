"""Our own mark in every message we send: the platform repeats it in each status (`biz_opaque_callback_data`)."""

from __future__ import annotations

import re

_MARK = re.compile(r"out-(\d{1,18})-(\d{1,4})")


def mark(outgoing_id: int, attempt: int) -> str:
    """The callback data of one attempt to send one message."""
    return f"out-{outgoing_id}-{attempt}"


def outgoing_id(callback_data: str | None) -> int | None:
    """Whose echo this is; None when it is not a mark of ours."""
    found = _MARK.fullmatch(callback_data or "")
    return int(found[1]) if found else None
