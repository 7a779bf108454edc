"""Names: split where people split them, joined as they are written, and nothing lost on the way."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.domain.names import join, split


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("王小明", "小明", "王"),
        ("王明", "明", "王"),
        ("王 小明", "小明", "王"),
        ("歐陽娜娜", "娜娜", "歐陽"),
        ("欧阳修", "修", "欧阳"),
        ("司馬光", "光", "司馬"),
        ("諸葛亮", "亮", "諸葛"),
        ("張簡珍", "珍", "張簡"),
        ("歐陽", "陽", "歐"),
        ("김민수", "민수", "김"),
        ("남궁민", "민", "남궁"),
        ("Amy Wang", "Amy", "Wang"),
        ("Anna Maria van der Berg", "Anna Maria", "van der Berg"),
        ("Wang, Amy", "Amy", "Wang"),
        ("王，小明", "小明", "王"),
        ("Martin Luther King, Jr.", "Martin Luther", "King, Jr."),
        ("約翰·史密斯", "約翰·", "史密斯"),
        ("Amy", "Amy", ""),
        ("王", "王", ""),
        ("台灣積體電路", "台灣積體電路", ""),
        ("さくら", "さくら", ""),
        ("", "", ""),
        ("王王明", "王明", "王"),
    ],
)
def test_a_name_is_split_as_people_split_it(full: str, first: str, last: str) -> None:
    assert split(full) == (first, last)


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [
        ("小明", "王", "王小明"),
        ("娜娜", "歐陽", "歐陽娜娜"),
        ("Amy", "Wang", "Amy Wang"),
        ("Amy", "王", "Amy 王"),
        ("約翰·", "史密斯", "約翰·史密斯"),
        ("王小明", "王", "王小明"),  # the whole name in the given name's field
        ("王明", "王", "王王明"),
        (" Amy ", None, "Amy"),
        (None, "王", "王"),
        (None, None, ""),
    ],
)
def test_two_parts_are_joined_as_they_are_written(first: str | None, last: str | None, full: str) -> None:
    assert join(first, last) == full


NAMES = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="王李歐陽司馬小明美·• ,，", max_size=8),
    st.text(alphabet="AmyvanderJ. ,jr", max_size=20),
)


@given(NAMES)
@example("王,王")
@example("Jr., Jr.")
@example("王王明王")
def test_no_character_of_a_name_is_lost(full: str) -> None:
    def letters(text: str) -> Counter[str]:
        return Counter(re.sub(r"[\s,，]+", "", text))

    assert letters(join(*split(full))) == letters(full)


@given(NAMES.filter(lambda name: not re.search(r"[,，]", name)))
@example("美美美美美 王")
def test_without_a_comma_the_order_stays_too(full: str) -> None:
    assert "".join(join(*split(full)).split()) == "".join(full.split())
