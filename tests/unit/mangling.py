"""Payloads gone wrong: any part of them missing, or anything else in its place."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_JUNK = [None, True, 0, 7, -1.5, 10**30, "", "\x00\ud800", "x" * 5000, "名", [], [None], {}, {"id": []}, [[]], [{}]]
_MOST = 4


@st.composite
def mangled(draw: st.DrawFn, original: Any) -> Any:
    """The same value with up to four wounds: a key that is missing, a part of another type, a text for a number."""
    for _ in range(draw(st.integers(0, _MOST))):
        original = _wounded(draw, original)
    return original


def _wounded(draw: st.DrawFn, value: Any) -> Any:
    """A copy of the value with one part of it, at any depth, spoilt. Objects deep inside are hit as often as the
    whole, since one is chosen at every level."""
    inner = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inner or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([*_JUNK, str(value)]))
    chosen = draw(st.sampled_from(inner))
    copy = value.copy()
    if draw(st.integers(0, 9)) == 0:
        del copy[chosen]
    else:
        copy[chosen] = _wounded(draw, value[chosen])
    return copy
