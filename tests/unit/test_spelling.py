"""The way back to a CRM: what is written means what was meant, in the spelling that is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contact_fields import FieldMap
from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.crm import lines
from syncer.crm.spelling import Speller, writer
from tests.unit.test_transforms import VALUES

STAGES = {"customer": "Kunde", "lead": "Interessent"}
ANSWERS = {"true": "Opted in", "false": "Opted out"}


def line(transform: str, **options: Any) -> FieldMap:
    return FieldMap(crm="x", contact="custom.x", transform=transform, **options)


@pytest.mark.parametrize(
    ("options", "old", "new", "written"),
    [
        ({"transform": "text"}, " 王小明 ", "王小明", " 王小明 "),
        ({"transform": "text"}, "王小明", "王大明", "王大明"),
        ({"transform": "text"}, "王小明", None, None),
        ({"transform": "phone"}, "0912-345-678", "+886912345678", "0912-345-678"),
        ({"transform": "phone"}, "0912-345-678", "+886922222222", "+886922222222"),
        ({"transform": "bool"}, None, True, "true"),
        ({"transform": "bool"}, "Yes", False, "No"),
        ({"transform": "bool"}, True, False, False),
        ({"transform": "bool", "inverted": True}, None, True, "false"),
        ({"transform": "bool", "inverted": True}, "false", False, "true"),
        ({"transform": "bool_words"}, "是", False, "否"),
        ({"transform": "bool_words"}, None, True, "Y"),
        ({"transform": "bool_words", "values": ANSWERS}, None, False, "Opted out"),
        ({"transform": "bool_words", "values": ANSWERS}, "opted out", False, "opted out"),
        ({"transform": "number"}, "1,280", "1280", "1,280"),
        ({"transform": "number"}, "1,280", "5", "5"),
        ({"transform": "picklist", "values": STAGES}, "Interessent", "customer", "Kunde"),
        ({"transform": "picklist", "values": STAGES}, None, "Partner", "Partner"),
        ({"transform": "tags"}, "VIP；老客戶", ["a"], "VIP；老客戶；a"),
        ({"transform": "tags"}, "VIP,a,", ["b", "a"], "VIP,a,b"),
        ({"transform": "tags"}, None, ["a", "b"], "a,b"),
        ({"transform": "tags"}, None, [], None),
        ({"transform": "tags"}, "a,b", ["a b"], "a,b"),
        ({"transform": "tags"}, ["a"], ["b"], ["a", "b"]),
        ({"transform": "tags", "separator": ";"}, "a b", ["c d"], "a b;c d"),
        ({"transform": "tags", "separator": ";", "values": {"vip": "VIP customer"}}, "x", ["vip"], "x;VIP customer"),
        (
            {"transform": "tags", "separator": ";", "values": {"vip": "VIP customer"}},
            "VIP customer",
            ["vip"],
            "VIP customer",
        ),
        ({"transform": "date"}, "民國80年3月9日", "1991-03-09", "民國80年3月9日"),
        ({"transform": "date"}, None, "1991-03-09", "1991-03-09"),
        ({"transform": "timestamp"}, None, "2026-11-23T10:00:00+00:00", "2026-11-23T10:00:00+00:00"),
        (
            {"transform": "timestamp", "zone": "Asia/Taipei"},
            None,
            "2026-11-23T10:00:00+00:00",
            "2026-11-23T18:00:00+08:00",
        ),
        (
            {"transform": "timestamp", "zone": "Asia/Taipei"},
            "2026-11-01 09:00",
            "2026-11-23T10:00:00+00:00",
            "2026-11-23 18:00:00",
        ),
        ({"transform": "language"}, "zh-tw", "en_US", "en-us"),
        ({"transform": "language"}, "zh-TW", "en_US", "en-US"),
        ({"transform": "language"}, "繁體中文", "en_US", "en_US"),
        ({"transform": "language", "values": {"en": "English"}}, "x", "en_US", "English"),
        ({"transform": "gender"}, "男", "f", "女"),
        ({"transform": "gender", "values": {"f": "Frau"}}, "男", "f", "Frau"),
    ],
)
def test_a_value_is_written_as_the_crm_spells_it(options: dict[str, Any], old: Any, new: Any, written: Any) -> None:
    spelled = writer(line(**options), "TW")(new, old)
    assert spelled == written
    assert type(spelled) is type(written)


@pytest.mark.parametrize(
    ("transform", "kind", "new", "written"),
    [
        ("bool", bool, True, True),
        ("bool_words", bool, False, False),
        ("bool_words", int, True, True),
        ("number", float, "1.5", 1.5),
        ("number", int, "7", 7),
        ("number", Decimal, "1.5", Decimal("1.5")),
        ("tags", list, ["a", "b"], ["a", "b"]),
        ("text", bool, "x", "x"),
    ],
)
def test_a_field_with_a_type_of_its_own_gets_no_word(transform: str, kind: type, new: Any, written: Any) -> None:
    spelled = writer(line(transform), "TW", kind)(new, None)
    assert spelled == written
    assert type(spelled) is type(written)


WORD = st.text(alphabet="abcXYZ王小明-_ ", min_size=1, max_size=8).map(str.strip).filter(bool)
MEANT: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
    ({"transform": "text"}, WORD),
    ({"transform": "email"}, st.emails().map(str.lower).filter(lambda text: text.isascii())),
    ({"transform": "phone"}, st.integers(10_000_000, 89_999_999).map(lambda rest: f"+8869{rest}")),
    ({"transform": "bool"}, st.booleans()),
    ({"transform": "bool", "inverted": True}, st.booleans()),
    ({"transform": "bool_words"}, st.booleans()),
    ({"transform": "bool_words", "values": ANSWERS}, st.booleans()),
    ({"transform": "number"}, st.decimals(-(10**9), 10**9, places=3).map(lambda one: format(one.normalize(), "f"))),
    ({"transform": "picklist", "values": STAGES}, st.sampled_from([*STAGES, "partner"])),
    ({"transform": "date"}, st.dates().filter(lambda day: 1900 <= day.year <= 2100).map(lambda day: day.isoformat())),
    ({"transform": "language"}, st.sampled_from(["zh_TW", "zh_CN", "zh_HK", "en", "en_US", "ja", "fil"])),
    ({"transform": "language", "values": {"zh_TW": "繁中", "en": "English"}}, st.sampled_from(["zh_TW", "en", "ja"])),
    ({"transform": "gender"}, st.sampled_from("fmx")),
    ({"transform": "gender", "values": {"x": "Divers"}}, st.sampled_from("fmx")),
    *(
        (
            {"transform": "timestamp", **zone},
            st.datetimes()
            .map(lambda at: at.replace(year=2026, day=1, microsecond=0))
            .map(lambda at: f"{at.isoformat()}+00:00"),
        )
        for zone in ({}, {"zone": "Asia/Taipei"}, {"zone": "Asia/Kathmandu"})
    ),
]


@given(st.data())
@pytest.mark.parametrize(("options", "values"), MEANT)
def test_what_is_written_is_read_as_it_was_meant(options: dict[str, Any], values: Any, data: st.DataObject) -> None:
    item, meant = line(**options), data.draw(values)
    old = data.draw(st.one_of(st.none(), values, VALUES.filter(lambda raw: not isinstance(raw, list))))
    assert lines.reader(item, "TW")(writer(item, "TW")(meant, old)) == meant


LABELS = st.lists(st.text(alphabet="abc王 ", min_size=1, max_size=4).map(str.strip).filter(bool), max_size=4)


@given(LABELS, st.one_of(st.none(), VALUES), st.sampled_from([{}, {"separator": ";"}]))
def test_labels_are_added_and_none_is_lost_or_added_twice(labels: list[str], old: Any, options: dict[str, Any]) -> None:
    item = line("tags", **options)
    read, write = lines.reader(item, "TW"), writer(item, "TW")
    written = write(labels, old)
    there = set(read(written) or ()) if written is not None else set()
    before = set(read(old) or ()) if old is not None else set()
    assert before <= there
    for label in labels:
        assert set(read([label] if isinstance(written, list) else label) or ()) <= there
    again = write(labels, written)
    assert again is written or again == written


def test_a_persons_changes_are_spelled_for_the_shipped_hubspot_mapping() -> None:
    speller = Speller(load_object_mapping(PACKAGED_FILES, "hubspot").contacts.to_crm, "TW")
    person = {
        "full_name": "歐陽娜娜",
        "phone": "+886912345678",
        "language": "zh_TW",
        "lifecycle_stage": "marketing_qualified",
        "marketing_consent": True,
        "blocked": False,
        "tags": ["老 客戶"],
        "email": None,
        "custom.membership_level": "gold",
        "owner": "nobody writes this",
    }
    old = {"phone": "0912-345-678", "wa_tags": "VIP", "email": "a@b.tw", "firstname": "小明", "hs_language": "en"}
    assert speller.changes(person, old) == {
        "firstname": "娜娜",
        "lastname": "歐陽",
        "hs_language": "zh-tw",
        "lifecyclestage": "marketingqualifiedlead",
        "wa_marketing_consent": "opted_in",
        "wa_blocked": "false",
        "wa_tags": "VIP;老 客戶",
        "email": None,
        "wa_membership_level": "gold",
    }
    assert speller.changes(person, {**old, **speller.changes(person, old)}) == {}


FIRST, LAST = FieldMap(crm="firstname", contact="first_name"), FieldMap(crm="lastname", contact="last_name")


@pytest.mark.parametrize(
    ("person", "old", "written"),
    [
        ({"full_name": "Mary Ann Smith"}, {"firstname": "Mary", "lastname": "Ann Smith"}, {}),
        ({"full_name": "Mary Ann Smith"}, {"firstname": "Mary"}, {"firstname": "Mary Ann", "lastname": "Smith"}),
        ({"full_name": "王大明", "first_name": "小明", "last_name": "王"}, {}, {"firstname": "大明", "lastname": "王"}),
        ({"full_name": "王小明", "first_name": "小明", "last_name": "王"}, {}, {"firstname": "小明", "lastname": "王"}),
        ({"first_name": "小美"}, {"firstname": "小明", "lastname": "王"}, {"firstname": "小美"}),
        ({"full_name": "Amy"}, {"firstname": "Amy", "lastname": "Wang"}, {"lastname": None}),
        ({"full_name": None}, {"firstname": "Amy"}, {}),
    ],
)
def test_a_whole_name_is_split_only_where_the_parts_there_are_another_name(
    person: dict[str, Any], old: dict[str, Any], written: dict[str, Any]
) -> None:
    assert Speller((FIRST, LAST), "TW").changes(person, old) == written
