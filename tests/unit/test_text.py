"""Text that every store takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.text import REPLACEMENT, shorten, storable

anything = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", ""),
        ("order 7", "order 7"),
        ("a\x00b", f"a{REPLACEMENT}b"),
        ("王\x00小明", f"王{REPLACEMENT}小明"),
        ("half an emoji \ud83d", f"half an emoji {REPLACEMENT}"),
        ("\udc00\ud800", REPLACEMENT * 2),
        ("👨‍👩‍👧 مرحبا", "👨‍👩‍👧 مرحبا"),
        ("\u202eright to left\u202c", "\u202eright to left\u202c"),
        ("line\r\nline\ttab", "line\r\nline\ttab"),
    ],
)
def test_only_what_no_store_takes_is_replaced(typed: str, stored: str) -> None:
    assert storable(typed) == stored


@given(anything)
def test_whatever_is_typed_can_be_stored_and_keeps_its_length(typed: str) -> None:
    stored = storable(typed)
    assert "\x00" not in stored
    assert len(stored) == len(typed)
    assert stored.encode().decode() == stored
    assert storable(stored) == stored


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [("", 5, ""), ("tea", 3, "tea"), ("green", 4, "gre…"), ("green", 1, "…"), ("王" * 10_000, 1000, "王" * 999 + "…")],
)
def test_what_is_too_long_is_cut_and_the_cut_can_be_seen(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


@given(st.text(), st.integers(1, 50))
def test_nothing_is_longer_than_its_limit_or_changed_without_need(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) == min(len(text), limit)
    assert len(text) > limit or short == text
