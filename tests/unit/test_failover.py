"""Which number a message leaves by (R12): the cases, one line each, and what never may happen, for any health."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.message import Category
from syncer.policies.failover import (
    LOOK_AGAIN,
    SETTLED,
    Health,
    Leave,
    Line,
    Parcel,
    Refuse,
    SendsBy,
    Wait,
    Way,
    choose,
    present_way,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OPEN, SHUT = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
MINUTES = {minutes: timedelta(minutes=minutes) for minutes in (0, 1, 4, 6, 30)}

TEMPLATE, MARKETING, REPLY = "template", "marketing", "reply"
WELL: dict[str, Any] = {"status": "CONNECTED", "quality": "GREEN", "can_send": "AVAILABLE"}
RESTRICTED = {"status": "RESTRICTED"}
PAUSED = {"paused_until": NOW + timedelta(minutes=30), "paused_reason": "133010: not registered"}
SPAM = {"paused_until": NOW + timedelta(minutes=30), "paused_reason": "131048: reported as spam"}
USED_UP = {"exhausted_until": NOW + timedelta(minutes=30)}


def health(number: str, changes: dict[str, Any]) -> Health:
    return Health(number, **{**WELL, **changes})


def line(primary: dict[str, Any], backup: dict[str, Any] | None, **more: Any) -> Line:
    known = {"P": health("P", primary)} | ({} if backup is None else {"B": health("B", backup)})
    return Line("P", None if backup is None else "B", known, **more)


def parcel(kind: str, number: str = "P", windows: dict[str, datetime] | None = None) -> Parcel:
    category = {TEMPLATE: Category.UTILITY, MARKETING: Category.MARKETING, REPLY: Category.SERVICE}[kind]
    return Parcel(number, category, kind == REPLY, {"P": OPEN} if windows is None else windows)


def shown(way: Way) -> str:
    """A way in one word: the number, with `?` where only a template may, or what is done instead."""
    match way:
        case Leave(by=by, as_template=True):
            return f"{by}?"
        case Leave(by=by):
            return by
        case _:
            return type(way).__name__


CASES = [
    # kind, primary, backup, goes by
    (TEMPLATE, {}, {}, "P"),
    (TEMPLATE, {"status": "", "quality": "", "can_send": ""}, {}, "P"),  # never looked at
    (TEMPLATE, {"status": "UNKNOWN"}, {}, "P"),
    (TEMPLATE, {"status": "SOMETHING_NEW"}, {}, "B"),
    (TEMPLATE, RESTRICTED, {}, "B"),
    (TEMPLATE, {"status": "DISCONNECTED"}, {}, "B"),
    (TEMPLATE, {"status": "BANNED"}, {}, "B"),
    (TEMPLATE, {"status": "PENDING"}, {}, "B"),
    (TEMPLATE, {"status": "RATE_LIMITED"}, {}, "B"),
    (TEMPLATE, {"status": "FLAGGED"}, {}, "B"),
    (TEMPLATE, {"can_send": "BLOCKED"}, {}, "B"),
    (TEMPLATE, {"can_send": "LIMITED"}, {}, "P"),
    (TEMPLATE, {"quality": "RED"}, {}, "P"),
    (TEMPLATE, PAUSED, {}, "B"),
    (TEMPLATE, SPAM, {}, "B"),
    (TEMPLATE, USED_UP, {}, "B"),
    (TEMPLATE, RESTRICTED, None, "Wait"),
    (TEMPLATE, RESTRICTED, RESTRICTED, "Wait"),
    (TEMPLATE, RESTRICTED, USED_UP, "Wait"),
    (TEMPLATE, RESTRICTED, {"status": "FLAGGED"}, "B"),  # better a watched number than none
    (TEMPLATE, {"status": "FLAGGED"}, RESTRICTED, "P"),
    (TEMPLATE, {"status": "FLAGGED"}, {"status": "FLAGGED"}, "P"),
    (TEMPLATE, {"status": "FLAGGED"}, {"quality": "RED"}, "P"),
    (TEMPLATE, {"status": "FLAGGED"}, None, "P"),
    (TEMPLATE, {"status": "DELETED"}, {}, "B"),
    (TEMPLATE, {"status": "DELETED"}, None, "Refuse"),
    (TEMPLATE, {"status": "DELETED"}, RESTRICTED, "Refuse"),
    # It comes back when it has been well for five minutes, at once when the backup cannot go on.
    (TEMPLATE, {"well_since": NOW - MINUTES[0]}, {}, "B"),
    (TEMPLATE, {"well_since": NOW - MINUTES[4]}, {}, "B"),
    (TEMPLATE, {"well_since": NOW - MINUTES[6]}, {}, "P"),
    (TEMPLATE, {"well_since": NOW - MINUTES[4]}, RESTRICTED, "P"),
    (TEMPLATE, {"well_since": NOW - MINUTES[4]}, USED_UP, "P"),
    (TEMPLATE, {"well_since": NOW - MINUTES[4]}, None, "P"),
    (TEMPLATE, {"well_since": NOW - MINUTES[4]}, {"well_since": NOW - MINUTES[1]}, "P"),  # both: stay at home
    (TEMPLATE, {**PAUSED, "paused_until": NOW - MINUTES[1]}, {}, "B"),
    (TEMPLATE, {**PAUSED, "paused_until": NOW - MINUTES[6]}, {}, "P"),
    (TEMPLATE, {"exhausted_until": NOW - MINUTES[1]}, {}, "P"),  # no illness: its end was known
    # Marketing carries complaints with it.
    (MARKETING, RESTRICTED, {}, "B"),
    (MARKETING, RESTRICTED | {"quality": "RED"}, {}, "Wait"),
    (MARKETING, PAUSED | {"quality": "RED"}, {}, "Wait"),
    (MARKETING, {"quality": "RED"}, {}, "P"),
    (MARKETING, {"status": "FLAGGED"}, {}, "P"),
    (MARKETING, {"quality": "RED", "well_since": NOW}, {}, "P"),
    (MARKETING, RESTRICTED, {"quality": "RED"}, "Wait"),
    (MARKETING, {"status": "DELETED", "quality": "RED"}, {}, "Refuse"),
    # Replies go where the customer wrote.
    (REPLY, {}, {}, "P"),
    (REPLY, USED_UP, {}, "P"),
    (REPLY, SPAM, {}, "P"),
    (REPLY, {"status": "FLAGGED"}, {}, "P"),
    (REPLY, {"well_since": NOW}, {}, "P"),
    (REPLY, RESTRICTED, {}, "B?"),
    (REPLY, PAUSED, {}, "B?"),
    (REPLY, RESTRICTED, USED_UP, "Wait"),
    (REPLY, RESTRICTED, None, "Wait"),
    (REPLY, PAUSED | {"paused_until": NOW + MINUTES[1]}, {}, "Wait"),  # a minute is not worth a template
    (REPLY, {"status": "DELETED"}, None, "Refuse"),
    (REPLY, {"status": "DELETED"}, {}, "B?"),
]


@pytest.mark.parametrize(("kind", "primary", "backup", "expected"), CASES)
def test_the_way_of_a_message(kind: str, primary: dict[str, Any], backup: dict[str, Any] | None, expected: str) -> None:
    assert shown(choose(parcel(kind), line(primary, backup), NOW)) == expected


@pytest.mark.parametrize(("kind", "primary", "backup", "expected"), CASES)
def test_the_numbers_stand_in_for_each_other_both_ways(
    kind: str, primary: dict[str, Any], backup: dict[str, Any] | None, expected: str
) -> None:
    if backup is None:
        pytest.skip("one number only")
    mirrored = line(backup, primary)
    swapped = expected.translate(str.maketrans("PB", "BP")) if expected[0] in "PB" else expected
    assert shown(choose(parcel(kind, "B", {"B": OPEN}), mirrored, NOW)) == swapped


@pytest.mark.parametrize(
    ("windows", "primary", "backup", "expected"),
    [
        ({}, {}, {}, "P?"),
        ({"P": SHUT}, {}, {}, "P?"),
        ({"B": OPEN}, {}, {}, "P?"),
        ({"P": OPEN, "B": OPEN}, RESTRICTED, {}, "B"),
        ({"P": OPEN, "B": SHUT}, RESTRICTED, {}, "B?"),
        ({"B": OPEN}, RESTRICTED, USED_UP, "B"),
        ({"B": OPEN}, RESTRICTED, RESTRICTED, "Wait"),
    ],
)
def test_a_free_form_reply_leaves_only_through_an_open_window(
    windows: dict[str, datetime], primary: dict[str, Any], backup: dict[str, Any], expected: str
) -> None:
    assert shown(choose(parcel(REPLY, windows=windows), line(primary, backup), NOW)) == expected


def test_a_reply_without_a_template_waits_for_its_own_number_unless_that_is_gone() -> None:
    for status, waits in (("RESTRICTED", True), ("DELETED", False)):
        way = choose(parcel(REPLY), line({"status": status}, {}), NOW)
        assert isinstance(way, Leave)
        assert (way.otherwise is not None) == waits


@pytest.mark.parametrize(
    ("sends_by", "primary", "backup", "expected"),
    [
        (SendsBy.BACKUP, {}, {}, "B"),
        (SendsBy.BACKUP, {}, RESTRICTED, "Wait"),
        (SendsBy.PRIMARY, {"well_since": NOW}, {}, "P"),
        (SendsBy.PRIMARY, {"status": "FLAGGED"}, {}, "P"),
        (SendsBy.PRIMARY, RESTRICTED, {}, "Wait"),
    ],
)
def test_what_a_person_orders_is_done_or_waited_for(
    sends_by: SendsBy, primary: dict[str, Any], backup: dict[str, Any], expected: str
) -> None:
    for kind in (TEMPLATE, MARKETING):
        assert shown(choose(parcel(kind), line(primary, backup, sends_by=sends_by), NOW)) == expected


def test_an_order_concerns_neither_replies_nor_other_numbers() -> None:
    ordered = line({}, {}, sends_by=SendsBy.BACKUP)
    assert shown(choose(parcel(REPLY), ordered, NOW)) == "P"
    assert shown(choose(parcel(TEMPLATE, "X"), ordered, NOW)) == "X"


def test_a_third_number_has_no_stand_in() -> None:
    known = {"P": Health("P"), "B": Health("B"), "X": Health("X", "RESTRICTED")}
    assert shown(choose(parcel(TEMPLATE, "X"), Line("P", "B", known), NOW)) == "Wait"


@pytest.mark.parametrize(
    ("until", "expected"), [(None, "Wait"), (NOW + MINUTES[30], "Wait"), (NOW, "P"), (NOW - MINUTES[1], "P")]
)
def test_nothing_leaves_a_stopped_account(until: datetime | None, expected: str) -> None:
    stopped = line({}, {}, stopped_reason="131042: payment", stopped_until=until)
    assert {shown(choose(parcel(kind), stopped, NOW)) for kind in (TEMPLATE, MARKETING, REPLY)} == {expected}


@pytest.mark.parametrize("kind", [TEMPLATE, MARKETING, REPLY])
def test_a_message_in_doubt_is_never_moved(kind: str) -> None:
    way = choose(replace(parcel(kind), in_doubt=True), line(RESTRICTED, {}), NOW)
    assert isinstance(way, Wait)


def test_a_wait_ends_when_the_trouble_does_and_is_looked_at_every_minute() -> None:
    short = choose(parcel(TEMPLATE), line({"exhausted_until": NOW + timedelta(seconds=20)}, None), NOW)
    assert short == Wait(NOW + timedelta(seconds=20), "number P is used up, and no other number can stand in")
    long = choose(parcel(TEMPLATE), line(PAUSED, None), NOW)
    assert isinstance(long, Wait)
    assert long.until == NOW + LOOK_AGAIN


def test_the_present_way_is_that_of_a_utility_template() -> None:
    assert shown(present_way(line(RESTRICTED, {}), NOW)) == "B"
    assert shown(present_way(line({"well_since": NOW}, {}), NOW + SETTLED)) == "P"


moments = st.none() | st.sampled_from([NOW + sign * span for span in MINUTES.values() for sign in (-1, 1)])
healths = st.builds(
    dict,
    status=st.sampled_from(["", "CONNECTED", "FLAGGED", "RESTRICTED", "BANNED", "DELETED"]),
    quality=st.sampled_from(["GREEN", "YELLOW", "RED", "UNKNOWN"]),
    can_send=st.sampled_from(["", "AVAILABLE", "LIMITED", "BLOCKED"]),
    paused_until=moments,
    paused_reason=st.sampled_from(["131048: spam", "133010: not registered"]),
    exhausted_until=moments,
    well_since=moments.filter(lambda moment: moment is None or moment <= NOW),
)
windows_known = st.dictionaries(st.sampled_from(["P", "B"]), st.sampled_from([OPEN, SHUT]))


@given(
    kind=st.sampled_from([TEMPLATE, MARKETING, REPLY]),
    number=st.sampled_from(["P", "B", "X"]),
    windows=windows_known,
    primary=healths,
    backup=st.none() | healths,
    sends_by=st.sampled_from(SendsBy),
)
def test_whatever_the_health_nothing_leaves_by_a_number_that_cannot_send_and_every_wait_ends(
    kind: str,
    number: str,
    windows: dict[str, datetime],
    primary: dict[str, Any],
    backup: dict[str, Any] | None,
    sends_by: SendsBy,
) -> None:
    known = line(primary, backup, sends_by=SendsBy.AUTO if backup is None else sends_by)
    way = choose(parcel(kind, number, windows), known, NOW)
    if isinstance(way, Wait):
        assert NOW < way.until <= NOW + LOOK_AGAIN
        assert way.reason
    if isinstance(way, Refuse):
        assert known.of(number).status == "DELETED"
    if isinstance(way, Leave):
        assert known.of(way.by).fit
        if kind == REPLY:
            assert way.as_template == (windows.get(way.by, SHUT) <= NOW)
        if way.by != number and known.sends_by is SendsBy.AUTO:
            assert not (kind == MARKETING and (known.of(number).tainted or known.of(way.by).tainted))
