"""Whose word stands: the table of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from syncer.domain.contact import Edit, FieldRule, SourceRecord, Wins
from syncer.policies import ownership, telling, witness
from syncer.policies.merging import golden, labels
from syncer.policies.ownership import DECIDED, Law, block, same, winner, words
from syncer.policies.telling import ConsentSaid, Person

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = ("city", "full_name", "tags", "blocked", "marketing_consent", "phone")


def at(hour: int) -> datetime:
    return NOON + timedelta(hours=hour)


def row(
    crm: str, crm_id: str = "1", stamps: dict[str, int] | None = None, phone: str | None = None, **fields: Any
) -> SourceRecord:
    moments = {name: at(hour) for name, hour in (stamps or {}).items()}
    return SourceRecord(crm, crm_id, b"d", fields, phone, None, NOON, moments)


def edit(value: Any, hour: int, by: str = "api:shop") -> Edit:
    return Edit(value, at(hour), by)


def law(**wins: Wins) -> Law:
    """Two CRMs, `a` the master; every field flows both ways."""
    return Law({crm: {name: FieldRule(wins=wins.get(crm, Wins.NEWEST)) for name in NAMES} for crm in "ab"}, ("a", "b"))


C, E = Wins.CRM, Wins.ENGINE


@pytest.mark.parametrize(
    ("rows", "said", "rule", "stands"),
    [
        # (hour at which a CRM's people changed the field; None: so at first sight), our hour
        ({"a": None}, None, {}, "a"),
        ({"a": 1}, 2, {}, "ours"),
        ({"a": 2}, 1, {}, "a"),
        ({"a": 1}, 1, {}, "a"),
        ({"a": 1, "b": 2}, None, {}, "b"),
        ({"a": 1, "b": 1}, None, {}, "a"),
        ({"a": None, "b": None}, None, {}, "a"),
        ({"a": None, "b": 1}, None, {}, "b"),
        ({"a": 1, "b": 2}, 3, {}, "ours"),
        ({"a": 1}, 2, {"a": C}, "a"),
        ({"b": 1}, 2, {"a": C}, "ours"),
        ({"a": 1, "b": 2}, 3, {"b": C}, "b"),
        ({"a": 1, "b": 2}, 3, {"a": C, "b": C}, "a"),
        ({"a": 2}, 1, {"a": E}, "ours"),
        ({"a": 2}, None, {"a": E}, "a"),
        ({"a": 2, "b": 1}, None, {"a": E}, "b"),
        ({"a": 2, "b": 3}, 1, {"a": E, "b": E}, "ours"),
        ({"a": 2, "b": 3}, None, {"a": E, "b": E}, "b"),
        ({"c": 2, "b": 2}, None, {}, "b"),
        ({"c": 3, "b": 2}, None, {}, "c"),
    ],
)
def test_the_word_that_stands(rows: dict[str, int | None], said: int | None, rule: Any, stands: str) -> None:
    records = [row(crm, stamps=None if hour is None else {"city": hour}, city=crm) for crm, hour in rows.items()]
    edits = {} if said is None else {"city": edit("ours", said)}
    for order in permutations(records):
        word = winner("city", words(order, "city", edits, {}), law(**rule))
        assert word is not None
        assert word.value == stands
        assert golden(order, edits, law(**rule)).attributes["city"] == stands


def test_a_field_that_was_emptied_is_a_word_and_one_that_was_always_empty_is_none() -> None:
    full, never = row("a", city="Taipei"), row("b")
    assert golden([full, never], {}, law()).attributes == {"city": "Taipei"}
    emptied = row("b", stamps={"city": 1})
    assert golden([full, emptied], {}, law()).attributes == {}
    assert golden([emptied, row("b", "2", city="Tainan")], {}, law()).attributes == {"city": "Tainan"}


def test_a_rows_later_change_of_another_field_does_not_make_a_word_younger() -> None:
    touched = row("a", stamps={"full_name": 5}, city="Taipei", full_name="x")
    assert golden([touched], {"city": edit("Tainan", 1)}, law()).attributes["city"] == "Tainan"


def test_what_a_person_decided_stands_until_the_crm_says_something_new() -> None:
    decided = {"city": edit("decided", 2, f"{DECIDED}lin")}
    rule = law(a=C, b=E)
    assert golden([row("a", stamps={"city": 1}, city="old")], decided, rule).attributes["city"] == "decided"
    assert golden([row("a", stamps={"city": 3}, city="new")], decided, rule).attributes["city"] == "new"


@pytest.mark.parametrize(
    ("rows", "said", "blocked"),
    [
        ([("a", None, True), ("b", None, False)], None, True),
        ([("a", None, True), ("a", 5, False)], None, True),
        ([("a", 1, True), ("b", 2, False)], None, False),
        ([("a", 3, True), ("b", 2, False)], None, True),
        ([("a", 2, True), ("b", 2, False)], None, True),
        ([("a", None, True)], (1, False), False),
        ([("a", 2, True)], (1, False), True),
        ([("a", None, False)], (1, True), True),
        ([("a", 2, False)], (1, True), False),
        ([("a", None, None)], None, False),
    ],
)
def test_one_row_that_forbids_it_is_enough_until_somebody_lifts_it(
    rows: list[tuple[str, int | None, bool | None]], said: tuple[int, bool] | None, blocked: bool
) -> None:
    records = [
        row(crm, str(number), stamps=None if hour is None else {"blocked": hour}, blocked=value)
        for number, (crm, hour, value) in enumerate(rows)
    ]
    edits = {} if said is None else {"blocked": edit(said[1], said[0])}
    for order in permutations(records):
        assert block(order, edits, {}).value is blocked


def test_labels_come_and_go_with_the_rows_that_say_them() -> None:
    a, b = row("a", tags=["vip", "tea"]), row("b", tags=["vip"])
    assert labels(["complaint", "tea", "vip"], [a, b], [row("a", tags=["tea"]), b]) == ("complaint", "tea")
    assert labels(
        ["vip"], [row("a", "1", tags=["vip"]), row("a", "2", tags=["vip"])], [row("a", "2", tags=["vip"])]
    ) == ("vip",)
    assert labels([], [], [a]) == ("tea", "vip")
    assert labels(["tea", "vip"], [a, b], [b]) == ("vip",)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("", None, True),
        ([], None, True),
        (["a", "b"], ("b", "a"), True),
        ("Taipei City", "Taipei…", True),
        ("…", "Taipei", False),
        ("Taipei", "Tainan", False),
        (False, None, False),
        (0, "", False),
    ],
)
def test_values_that_mean_the_same(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is alike
    assert same(other, one) is alike


# What a CRM is told


def due(*rows: SourceRecord, crm: str = "b", rule: Law | None = None, **person: Any) -> dict[str, dict[str, Any]]:
    found = telling.due(Person(rows=rows, **person), crm, rule or law())
    return {crm_id: {name: word.value for name, word in fields.items()} for crm_id, fields in found.items()}


def test_a_crm_is_told_what_was_said_elsewhere_and_what_the_master_says() -> None:
    assert due(row("a", city="Taipei"), row("b", city="Tainan")) == {"1": {"city": "Taipei"}}
    assert due(row("a", city="Taipei"), row("b", city="Tainan"), crm="a") == {}
    seen = row("b", stamps={"city": 1}, city="Tainan")
    assert due(row("a", city="Taipei"), seen, crm="a") == {"1": {"city": "Tainan"}}
    assert due(row("a"), crm="a", edits={"city": edit("ours", 1)}) == {"1": {"city": "ours"}}
    assert due(row("b", city="ours"), edits={"city": edit("ours", 1)}) == {}


def test_rows_of_one_crm_are_not_written_over_with_each_other() -> None:
    assert due(row("a", "1", city="Taipei"), row("a", "2", stamps={"city": 3}, city="Tainan"), crm="a") == {}


def test_a_field_that_is_not_ours_to_write_is_left_alone() -> None:
    only_read = Law({"a": {"city": FieldRule(writes=False)}}, ("a",))
    assert due(row("a"), crm="a", rule=only_read, edits={"city": edit("ours", 1)}) == {}


def test_labels_are_added_to_the_leading_row_where_no_row_has_them() -> None:
    rows = row("a", "1", tags=["vip"]), row("a", "2", tags=["tea"])
    assert due(*rows, crm="a", tags=["complaint", "tea", "vip"]) == {"1": {"tags": ["complaint", "vip"]}}
    assert due(row("a", tags=[]), row("b", tags=["tea"]), crm="a", tags=["tea"]) == {}
    assert due(row("a", tags=["tea"]), row("b", tags=[]), tags=["tea"]) == {"1": {"tags": ["tea"]}}


def test_consent_and_numbers_go_to_every_row() -> None:
    rows = row("a", "1", phone="+1", marketing_consent=True), row("a", "2", phone="+1")
    told = due(
        *rows,
        crm="a",
        phone="+2",
        given_up={"+1"},
        consents={"marketing_consent": ConsentSaid(granted=False, own=True, at=at(1))},
    )
    assert told == {one: {"phone": "+2", "marketing_consent": False} for one in ("1", "2")}


@pytest.mark.parametrize("hour", [1, 3])
def test_the_customers_own_yes_goes_over_a_refusal_in_the_crm_of_whatever_time(hour: int) -> None:
    refused = row("a", stamps={"marketing_consent": hour}, marketing_consent=False)
    said = {"marketing_consent": ConsentSaid(granted=True, own=True, at=at(2))}
    assert due(refused, crm="a", consents=said) == {"1": {"marketing_consent": True}}


def test_a_yes_that_was_only_imported_does_not_go_over_a_younger_refusal() -> None:
    refused = row("b", stamps={"marketing_consent": 3}, marketing_consent=False)
    granted = row("a", stamps={"marketing_consent": 2}, marketing_consent=True)
    said = {"marketing_consent": ConsentSaid(granted=True, at=at(2))}
    assert due(refused, granted, crm="b", consents=said) == {}


# What has happened to a row


def test_a_touch_is_an_echo_and_a_change_is_none() -> None:
    before = row("a", city="Taipei", tags=["a", "b"], updated_at="1")
    assert witness.is_echo(before, row("a", city="Taipei", tags=["b", "a"], updated_at="2"))
    assert not witness.is_echo(before, row("a", city="Tainan", tags=["a", "b"]))
    assert not witness.is_echo(before, row("a", city="Taipei", tags=["a", "b"], phone="+1"))


@pytest.mark.parametrize(
    ("changed_at", "read_at", "stamp"), [(at(1), NOON, at(1)), (at(9), NOON, at(5)), (at(-9), NOON, NOON)]
)
def test_a_change_is_as_old_as_it_can_be(changed_at: datetime, read_at: datetime, stamp: datetime) -> None:
    before = row("a", city="Taipei", full_name="x")
    now = SourceRecord("a", "1", b"e", {"city": "Tainan", "full_name": "x"}, None, None, changed_at)
    found = witness.stamped(before, now, read_at=read_at, unread=False, now=at(5))
    assert found.stamps == {"city": stamp}


def test_of_a_row_that_we_made_only_what_we_wrote_can_have_changed() -> None:
    made = row("a", city="ours")
    read = row("a", city="theirs", owner="Lin")
    assert witness.stamped(made, read, read_at=NOON, unread=True, now=at(1)).stamps == {"city": NOON}


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "found"),
    [
        ("Taipei", "Tainan", "Hualien", True),
        ("Taipei", "Hualien", "Hualien", False),
        ("Hualien", "Tainan", "Hualien", False),
        ("Taipei", "Taipei", "Hualien", False),
    ],
)
def test_a_conflict_is_two_words_since_the_sides_agreed(base: str, theirs: str, ours: str, found: bool) -> None:
    was, now = row("a", city=base), row("a", stamps={"city": 3}, city=theirs)
    edits = {"city": edit(ours, 1)}
    expected = [("city", base, ours, theirs, "theirs")] if found else []
    assert witness.collisions((was, now), [was], [now], edits, law(), {}) == expected


def test_a_word_of_ours_that_an_older_change_has_beaten_makes_no_conflict() -> None:
    was, now = row("a", stamps={"city": 2}, city="Taipei"), row("a", stamps={"city": 3}, city="Tainan")
    assert witness.collisions((was, now), [was], [now], {"city": edit("ours", 1)}, law(), {}) == []


def test_rows_without_a_moment_give_way() -> None:
    undated = SourceRecord("a", "1", b"d", {"city": "undated"}, None, None)
    assert ownership.moment(undated, "city", {}) == ownership.LONG_AGO
    assert golden([undated, row("b", city="dated")], {}, law()).attributes["city"] == "dated"


def test_rows_laid_over_each_other_say_what_field_by_field_they_would() -> None:
    rows = [
        SourceRecord("a", "1", b"d", {"city": "x", "tags": ["a"], "blocked": True, "email": ""}, "+1", None, at(1)),
        SourceRecord(
            "b", "2", b"d", {"city": "y", "tags": ["b"], "created_at": "2020", "blocked": False}, None, "empty"
        ),
        SourceRecord("b", "1", b"d", {"company": "z", "created_at": "2010", "email": "a@b.tw"}, "+2", None, at(1)),
    ]
    slow = Law({"c": {"city": FieldRule(wins=Wins.CRM)}}, ("a", "b", "c"))
    for order in permutations(rows):
        assert golden(order, {}, Law({}, ("a", "b"))) == golden(order, {}, slow)


def test_rows_of_one_crm_are_laid_over_each_other_whatever_its_rule() -> None:
    said = [
        {"city": "x", "tags": ["a"], "blocked": True, "email": "", "created_at": "2012"},
        {"city": "y", "full_name": "B", "tags": ["b"], "created_at": "2010"},
        {"full_name": "C", "email": "a@b.tw", "city": ""},
    ]
    rows = [
        SourceRecord("a", str(number), b"d", fields, f"+{number}", None, at(number % 2))
        for number, fields in enumerate(said)
    ]
    nothing_more = {"company": edit(None, 9)}  # makes it ask field by field
    for order in permutations(rows):
        for rule in (law(a=C), law(a=E)):
            assert golden(order, {}, rule) == golden(order, nothing_more, rule)
