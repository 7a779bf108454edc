"""What a CRM's value becomes on its way in."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contact_fields import TRANSFORMS, FieldMap
from syncer.crm.base import Translator, digester
from syncer.crm.transforms import reader
from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.crm_record import RawRow

TAIPEI = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("transform", "raw", "read"),
    [
        ("text", "  a b  ", "a b"),
        ("text", " \t\n", None),
        ("text", "a\x07b\x1bc", "abc"),
        ("text", "a\x00b\ud800", "a\ufffdb\ufffd"),
        ("text", "1\n2\t3", "1\n2\t3"),
        ("text", "👨‍👩‍👧 \u202eabc", "👨‍👩‍👧 \u202eabc"),
        ("text", "x" * 2000, "x" * (LONGEST_TEXT - 1) + "…"),
        ("text", 7, "7"),
        ("text", 912345678.0, "912345678"),
        ("text", Decimal("1.50"), "1.50"),
        ("text", float("nan"), None),
        ("text", Decimal("Infinity"), None),
        ("text", {"id": "42", "name": "ACME"}, "ACME"),
        ("text", b"caf\xc3\xa9\xff", "café\ufffd"),
        ("text", ["a", "b"], "a, b"),
        ("text", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("phone", "0912-345-678", "+886912345678"),
        ("phone", 912345678, "+886912345678"),
        ("phone", 912345678.0, "+886912345678"),
        ("phone", Decimal("912345678"), "+886912345678"),
        ("phone", "無", None),
        ("email", " Wang@Example.COM ", "wang@example.com"),
        ("email", "ｗａｎｇ＠example.com", "wang@example.com"),
        ("email", "wang at example", None),
        ("email", "a@b@c.tw", None),
        ("bool_words", "Ｙ", True),
        ("bool_words", " 同意 ", True),
        ("bool_words", "不同意", False),
        ("bool_words", "0", False),
        ("bool_words", 1, True),
        ("bool_words", Decimal(0), False),
        ("bool_words", True, True),
        ("bool_words", "maybe", None),
        ("tags", "VIP, 老客戶；新 客|VIP", ["VIP", "老客戶", "新", "客"]),
        ("tags", ["a b", " c ", "a b"], ["a b", "c"]),
        ("tags", " ,; ", None),
        ("tags", [{"name": "VIP", "id": "7"}, {"name": "老 客戶", "id": "8"}], ["VIP", "老 客戶"]),
        ("bool", "true", True),
        ("bool", False, False),
        ("bool", "", None),
        ("picklist", " Gold ", "Gold"),
        ("number", "1,280", "1280"),
        ("number", "NT$1,280.50", "1280.5"),
        ("number", "1.280,50 EUR", "1280.5"),
        ("number", "(1,280)", "-1280"),
        ("number", "１２８０元", "1280"),
        ("number", "12 %", "12"),
        ("number", "1.280", "1.28"),
        ("number", 7.0, "7"),
        ("number", Decimal("0.10"), "0.1"),
        ("number", -0.0, "0"),
        ("number", True, None),
        ("number", "1,2,3", None),
        ("number", "5 apples", None),
        ("number", 10**30, None),
        ("first_name", "歐陽娜娜", "娜娜"),
        ("last_name", "歐陽娜娜", "歐陽"),
        ("first_name", "Amy Wang", "Amy"),
        ("last_name", "Amy", None),
        ("date", "1991-03-09", "1991-03-09"),
        ("date", "1991/3/9", "1991-03-09"),
        ("date", "1991.03.09 10:00:00", "1991-03-09"),
        ("date", "19910309", "1991-03-09"),
        ("date", "民國80年3月9日", "1991-03-09"),
        ("date", "80/3/9", "1991-03-09"),
        ("date", "080-03-09", "1991-03-09"),
        ("date", "0800309", "1991-03-09"),
        ("date", "800309", "1991-03-09"),
        ("date", "１９９１年３月９日", "1991-03-09"),
        ("date", "3/9/1991", "1991-03-09"),
        ("date", "13/9/1991", "1991-09-13"),
        ("date", "1991-03-09T10:00:00+08:00", "1991-03-09"),
        ("date", date(1991, 3, 9), "1991-03-09"),
        ("date", datetime(1991, 3, 9, 10), "1991-03-09"),
        ("date", "0000-00-00", None),
        ("date", "1991-02-30", None),
        ("date", "2999-01-01", None),
        ("date", "soon", None),
        ("timestamp", "2026-11-23 10:00:00+00", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "2026-11-23T18:00:00+08:00", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "2026-11-23 10:00", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "2026/11/23", "2026-11-23T00:00:00+00:00"),
        ("timestamp", datetime(2026, 11, 23, 18, tzinfo=TAIPEI), "2026-11-23T10:00:00+00:00"),
        ("timestamp", 1_795_428_000, "2026-11-23T10:00:00+00:00"),
        ("timestamp", "1795428000000", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "infinity", None),
        ("timestamp", "2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00.123000+00:00"),
        ("timestamp", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "2026-02-31T10:00:00Z", None),
        ("timestamp", "2026-11-23T10:00:00.000+0000", "2026-11-23T10:00:00+00:00"),
        ("timestamp", "2026/11/23 15:30:05", "2026-11-23T15:30:05+00:00"),
        ("timestamp", "2026/11/23 下午 3:30", "2026-11-23T15:30:00+00:00"),
        ("timestamp", "23/11/2026 12:30 AM", "2026-11-23T00:30:00+00:00"),
        ("timestamp", "民國115年11月23日 10時30分", "2026-11-23T10:30:00+00:00"),
        ("timestamp", "2026/11/23 15:00 GMT+8", "2026-11-23T07:00:00+00:00"),
        ("timestamp", "2026/11/23 15:00 +0530", "2026-11-23T09:30:00+00:00"),
        ("timestamp", "2026/11/23 24:00", "2026-11-24T00:00:00+00:00"),
        ("timestamp", "2026/11/23 in the morning", "2026-11-23T00:00:00+00:00"),
        ("timestamp", "1712010112345", "2024-04-01T22:21:52.345000+00:00"),
        ("timestamp", datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), None),
        ("language", "zh-Hant", "zh_TW"),
        ("language", "繁體中文", "zh_TW"),
        ("language", "简体中文", "zh_CN"),
        ("language", "EN", "en"),
        ("language", "en-us", "en_US"),
        ("language", "日文", "ja"),
        ("language", "火星文", None),
        ("gender", "女", "f"),
        ("gender", "先生", "m"),
        ("gender", "F", "f"),
        ("gender", "其他", "x"),
        ("gender", "?", None),
    ],
)
def test_a_value_is_read_as_a_person_would(transform: str, raw: Any, read: Any) -> None:
    assert reader(transform, "TW")(raw) == read


VALUES = st.one_of(
    st.text(),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.decimals(),
    st.booleans(),
    st.binary(max_size=50),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.dates(),
    st.uuids(),
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from(["民國", "0/0/0", "9" * 20, "1" * 8, "２/３０/2000", "+", "\ud800", "\x00"]),
)


@given(VALUES)
def test_no_value_makes_a_transform_raise(raw: Any) -> None:
    for name in TRANSFORMS:
        read = reader(name, "TW")(raw)
        assert read is None or isinstance(read, str | bool | list)


FIELDS = tuple(
    FieldMap(crm=contact, contact=contact, direction="to_contact", transform=transform)
    for contact, transform in (("phone", "phone"), ("full_name", "text"), ("blocked", "bool_words"))
)


def told(*values: Any) -> dict[str, Any]:
    [record] = Translator("sql", FIELDS, "TW").records([RawRow("1", b"", values)])
    return record.fields


def test_a_phone_is_read_as_a_number_whatever_its_transform_is() -> None:
    careless = (FieldMap(crm="phone", contact="phone", transform="text"),)
    [record] = Translator("sql", careless, "TW").records([RawRow("1", b"", ("0912345678",))])
    assert record.phone == record.fields["phone"] == "+886912345678"


@pytest.mark.parametrize(("word", "meaning"), [("Y", True), ("N", False), ("黑名單", True), ("欠款", True)])
def test_whoever_may_be_blocked_is_blocked(word: str, meaning: bool) -> None:
    assert told(None, "x", word)["blocked"] is meaning


@pytest.mark.parametrize(("word", "meaning"), [("拒收", False), ("退訂", False), ("是", True), ("也許", None)])
@pytest.mark.parametrize("field", ["marketing_consent", "transactional_consent"])
def test_a_refusal_is_no_consent_and_an_unclear_word_is_no_word(field: str, word: str, meaning: bool | None) -> None:
    fields = (FieldMap(crm="c", contact=field, transform="bool_words"),)
    [record] = Translator("sql", fields, "TW").records([RawRow("1", b"", (word,))])
    assert record.fields.get(field) is meaning


def test_a_row_digests_the_same_in_every_process_and_otherwise_in_every_other_case() -> None:
    digest = digester(FIELDS, "TW")
    row = ("0912", "王\x00\ud800", None)
    # A fixed value: it fails when a change would make every row of every customer count as changed.
    assert digest(row).hex() == "b6e3721dabce244759d1aa5818e16127"
    assert digest(("0912", "王", None, Decimal("1.50"), True, 7)).hex() == "2002a9bdc61c14724fb8ecee12ea3643"
    others = [
        ("0912", "王", None),
        ("0912", "王", "null"),
        (912, "王", None),
        (Decimal(912), "王", None),
        ("0912", "王\x00\ud800", "None"),
        ("091", "2王\x00\ud800", None),
        ("", "", ""),
    ]
    digests = {digest(other) for other in others} | {
        digest(row),
        digester(FIELDS[:2], "TW")(row),
        digester(FIELDS, "HK")(row),
    }
    assert len(digests) == len(others) + 3
