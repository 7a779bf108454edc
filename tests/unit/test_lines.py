"""One line of a mapping: its options, what it says of consent, and that a whole column reads as its values do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contact_fields import TRANSFORMS, FieldMap
from syncer.crm import columns, lines
from syncer.crm.base import Translator, rules
from syncer.domain.crm_record import RawRow
from syncer.domain.phone import PhoneProblem
from tests.unit.test_transforms import VALUES


def line(transform: str, contact: str = "custom.x", **options: Any) -> FieldMap:
    direction = "to_contact" if transform in ("first_name", "last_name") else "both"
    return FieldMap(crm="x", contact=contact, transform=transform, **{"direction": direction, **options})


STAGES = {"customer": "Kunde", "lead": "Interessent"}
ANSWERS = {"true": "Opted in", "false": "Opted out"}


@pytest.mark.parametrize(
    ("options", "raw", "read"),
    [
        ({"transform": "picklist", "values": STAGES}, "Kunde", "customer"),
        ({"transform": "picklist", "values": STAGES}, " kunde ", "customer"),
        ({"transform": "picklist", "values": STAGES}, "Partner", "Partner"),
        ({"transform": "picklist", "values": STAGES}, "", None),
        ({"transform": "bool_words", "values": ANSWERS}, "opted in", True),
        ({"transform": "bool_words", "values": ANSWERS}, "Opted out", False),
        ({"transform": "bool_words", "values": ANSWERS}, "yes", True),
        ({"transform": "gender", "values": {"f": "Frau"}}, "Frau", "f"),
        ({"transform": "gender", "values": {"f": "Frau"}}, "男", "m"),
        ({"transform": "language", "values": {"zh_TW": "Chinesisch"}}, "Chinesisch", "zh_TW"),
        ({"transform": "tags", "separator": ";"}, "老 客戶;VIP, gold", ["老 客戶", "VIP, gold"]),
        ({"transform": "tags", "values": {"vip": "VIP customer"}, "separator": ";"}, "VIP customer;x", ["vip", "x"]),
        ({"transform": "timestamp", "zone": "Asia/Taipei"}, "2026-11-23 10:00", "2026-11-23T02:00:00+00:00"),
        ({"transform": "timestamp", "zone": "Asia/Taipei"}, "2026-11-23 10:00+00", "2026-11-23T10:00:00+00:00"),
        ({"transform": "timestamp", "zone": "Asia/Taipei"}, "2026-11-23T10:00:00Z", "2026-11-23T10:00:00+00:00"),
        ({"transform": "timestamp", "zone": "Europe/Berlin"}, "2026-07-01 10:00", "2026-07-01T08:00:00+00:00"),
        ({"transform": "timestamp", "zone": "Europe/Berlin"}, "2026-12-01 10:00", "2026-12-01T09:00:00+00:00"),
        ({"transform": "date", "zone": "Asia/Taipei"}, "1991-03-08T16:00:00Z", "1991-03-09"),
        ({"transform": "date", "zone": "Asia/Taipei"}, "1991-03-08 16:00", "1991-03-08"),
        ({"transform": "date", "zone": "Asia/Taipei"}, "1991/3/8", "1991-03-08"),
        ({"transform": "bool", "inverted": True}, "true", False),
        ({"transform": "bool", "inverted": True}, False, True),
    ],
)
def test_a_line_reads_with_its_options(options: dict[str, Any], raw: Any, read: Any) -> None:
    item = line(**options)
    assert lines.reader(item, "TW")(raw) == read
    assert columns.reader(item, "TW")([raw, None]) == [read, None]


@pytest.mark.parametrize(
    ("contact", "raw", "read"),
    [
        ("marketing_consent", "true", False),
        ("marketing_consent", "false", None),
        ("transactional_consent", "false", None),
        ("marketing_consent", "拒收", False),
        ("marketing_consent", "perhaps", None),
        ("blocked", "true", False),  # an "active" box
        ("blocked", "false", True),
        ("blocked", "perhaps", True),
    ],
)
def test_a_box_that_nobody_has_ticked_is_nobodys_consent(contact: str, raw: str, read: bool | None) -> None:
    assert lines.reader(line("bool", contact, inverted=True), "TW")(raw) is read


OPTIONS: list[dict[str, Any]] = [
    {"transform": "picklist", "values": STAGES},
    {"transform": "tags", "separator": ";"},
    {"transform": "date", "zone": "Asia/Taipei"},
    {"transform": "timestamp", "zone": "America/New_York"},
    {"transform": "bool_words", "contact": "blocked"},
    {"transform": "bool", "contact": "marketing_consent", "inverted": True},
    *({"transform": name} for name in TRANSFORMS if name != "picklist"),
]
PHONES = st.sampled_from(
    ["0912345678", "0912-345-678", "+886 912 345 678", "02-2345-6789", "+1 415 222 3333", "09", "無"]
)
COLUMN = st.lists(
    st.one_of(
        st.none(),
        VALUES,
        PHONES,
        st.sampled_from([True, False, 0, 1, 0.0, "1", "", " ", "Y", " a@b.tw ", "2026-11-23"]),
    ),
    max_size=8,
)


@given(COLUMN)
def test_a_column_reads_as_its_values_do(column: list[Any]) -> None:
    for options in OPTIONS:
        item = line(**options)
        one = lines.reader(item, "TW")
        whole = columns.reader(item, "TW")
        wanted = [None if raw is None or raw == "" else one(raw) for raw in column]
        assert list(whole(column)) == wanted, options
        assert list(whole(column)) == wanted, options  # now from memory


@given(COLUMN)
def test_the_number_at_sight_is_the_parsers(column: list[Any]) -> None:
    one = lines.reader(line("phone"), "TW")
    for raw, number in zip(column, columns.numbers(column, "TW"), strict=True):
        assert (None if isinstance(number, PhoneProblem) else number) == (None if raw is None else one(raw))


def test_nobody_can_change_anothers_labels() -> None:
    first, second = columns.reader(line("tags"), "TW")(["VIP", "VIP"])
    first.append("x")
    assert second == ["VIP"]


def record(fields: tuple[FieldMap, ...], *values: Any) -> dict[str, Any]:
    [found] = Translator("hubspot", fields, "TW").records([RawRow("1", b"", values)])
    return found.fields


FIRST, LAST = FieldMap(crm="firstname", contact="first_name"), FieldMap(crm="lastname", contact="last_name")


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [
        ("小明", "王", "王小明"),
        ("Amy", "Wang", "Amy Wang"),
        ("Amy", None, "Amy"),
        (None, "王", "王"),
        (None, None, None),
    ],
)
def test_two_fields_for_a_name_are_a_whole_name(first: str | None, last: str | None, full: str | None) -> None:
    assert record((FIRST, LAST), first, last).get("full_name") == full


def test_a_mapped_whole_name_is_not_made_of_its_parts() -> None:
    whole = FieldMap(crm="name", contact="full_name")
    assert record((FIRST, LAST, whole), "小明", "王", "王董")["full_name"] == "王董"
    assert "full_name" not in record((FIRST, LAST, whole), "小明", "王", None)


def test_one_field_for_a_name_gives_its_parts_when_asked() -> None:
    parts = tuple(
        FieldMap(crm="name", contact=part, transform=part, direction="to_contact")
        for part in ("first_name", "last_name")
    )
    assert record(parts, "歐陽娜娜", "歐陽娜娜") == {"first_name": "娜娜", "last_name": "歐陽", "full_name": "歐陽娜娜"}


def test_the_rules_of_a_name_in_two_fields_are_those_of_the_whole_name_too() -> None:
    found = rules((FIRST, LAST))
    assert found["full_name"].reads
    assert found["full_name"].writes
    assert not rules((FIRST, LAST.model_copy(update={"direction": "to_contact"})))["full_name"].writes
    assert "full_name" not in rules((FIRST,))


def test_a_row_without_any_values_is_a_record_without_fields() -> None:
    [found] = Translator("hubspot", (FIRST, LAST), "TW").records([RawRow("1", b"", (None, None))])
    assert (found.fields, found.phone, found.phone_problem) == ({}, None, "empty")
    assert Translator("hubspot", (FIRST, LAST), "TW").records([]) == []


def test_rows_on_one_page_do_not_mix() -> None:
    fields = (FieldMap(crm="phone", contact="phone"), FIRST, FieldMap(crm="a", contact="custom.a", transform="bool"))
    rows = [
        RawRow("1", b"a", ("0912345678", "Amy", "false")),
        RawRow(
            "2",
            b"b",
            (
                "x",
                None,
                None,
            ),
        ),
    ]
    one, two = Translator("hubspot", fields, "TW").records(rows)
    assert one.fields == {"phone": "+886912345678", "first_name": "Amy", "custom.a": False, "full_name": "Amy"}
    assert (one.phone_problem, two.phone_problem, two.fields) == (None, "not_a_number", {})
