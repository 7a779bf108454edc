"""The encoding of a table, told from its bytes."""

from __future__ import annotations

import pytest

from syncer.policies.cleaning_encoding import by_characters, by_mark

TAIWAN = "姓名,手機,地址\n王小明,0912345678,台北市大安區信義路\n陳美玲,0922333444,新北市板橋區\n"
CHINA = "姓名,手机,地址\n王小明,13812345678,北京市朝阳区建国路\n陈美玲,13912345678,上海市浦东新区\n"
HONG_KONG = "姓名,電話\n黃家駒,91234567\n葉蒨文,61234567\n"
JAPAN = "氏名,携帯電話\n山田太郎,090-1234-5678\n佐藤はなこ,\nスズキ,\n"
FRANCE = "nom,téléphone\nJosé Müller,0912345678\nHélène,\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TAIWAN, "cp950"),
        (TAIWAN, "gb18030"),
        (HONG_KONG, "cp950"),
        (HONG_KONG, "gb18030"),
        (CHINA, "gb18030"),
        (JAPAN, "cp932"),
        (FRANCE, "cp1252"),
        ("王小明", "cp950"),
        ("王小明", "gb18030"),
    ],
)
def test_double_bytes_are_told_apart_by_their_everyday_characters(text: str, encoding: str) -> None:
    assert by_characters(text.encode(encoding)) == encoding


def test_a_damaged_character_leaves_a_text_what_it_is() -> None:
    assert by_characters(TAIWAN.encode()[:-4] + b"\n") == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TAIWAN, "name,phone\nWang,0912345678\n"])
def test_marks_and_zero_bytes_settle_unicode(text: str, encoding: str) -> None:
    assert by_mark(text.encode(encoding)) == encoding


def test_a_text_without_either_says_nothing() -> None:
    assert by_mark(TAIWAN.encode()) is None
    assert by_mark(TAIWAN.encode() + b"\0\0\0") is None
