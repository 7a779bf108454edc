"""Every business message names its sender (R8)."""

from __future__ import annotations

import pytest

from syncer.policies.identification import signed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("您好，每日 10 到 22 時。", "您好，每日 10 到 22 時。\n— 福爾摩沙茶行"),
        ("您好，這裡是福爾摩沙茶行。", "您好，這裡是福爾摩沙茶行。"),
        ("您好，這裡是福爾摩沙。", "您好，這裡是福爾摩沙。\n— 福爾摩沙茶行"),
        ("", "\n— 福爾摩沙茶行"),
    ],
)
def test_the_name_is_added_where_it_is_missing(body: str, expected: str) -> None:
    assert signed(body, "福爾摩沙茶行") == expected


def test_signing_twice_signs_once() -> None:
    once = signed("Hello", "Formosa Tea Co.")
    assert signed(once, "Formosa Tea Co.") == once
