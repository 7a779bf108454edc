"""What the platform's notices mean for us: who must look, what stops, how many people a day, which template."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from syncer.domain.errors import AskPerson, FixCredentials, StopAccount
from syncer.domain.inbox import InboxItem
from syncer.domain.notice import AccountNotice, NumberNotice, TemplateNotice
from syncer.whatsapp import account, events
from syncer.whatsapp.errors import CODES
from syncer.whatsapp.shapes import dialled, people_per_day, plain

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def told(field: str, value: Any, kind: str | None = None) -> Any:
    payload = {"item": value, "contact": None, "metadata": None, "field": field}
    return events.read(InboxItem("whatsapp", "", "0" * 32, kind or f"other:{field}"[:38], "k", AT, json.dumps(payload)))


@pytest.mark.parametrize(("field", "event"), sorted(account.WEIGHTS))
def test_every_event_in_the_table_has_a_reason_and_what_stops_is_serious(field: str, event: str) -> None:
    weight = account.WEIGHTS[field, event]
    assert weight.why
    assert weight.serious or not weight.stops


def test_a_word_that_nobody_has_decided_on_is_looked_at_but_stops_nothing() -> None:
    for field in ("account_update", "security"):
        notice = told(field, {"event": "SOMETHING_NEW"})
        assert (notice.event, notice.serious, notice.stops) == ("SOMETHING_NEW", True, False)


def test_a_new_kind_of_a_known_event_weighs_as_the_event() -> None:
    notice = told("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "FROZEN"}})
    assert (notice.event, notice.serious, notice.stops) == ("DISABLED_UPDATE:FROZEN", True, True)


@pytest.mark.parametrize(
    ("restrictions", "stops"),
    [
        (["RESTRICTED_BIZ_INITIATED_MESSAGING"], False),
        (["RESTRICTED_CUSTOMER_INITIATED_MESSAGING"], False),
        (["RESTRICTED_ADD_PHONE_NUMBER_ACTION", "RESTRICTED_UTILITY_TEMPLATES"], False),
        (["RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "RESTRICTED_BIZ_INITIATED_MESSAGING"], True),
    ],
)
def test_a_restriction_stops_all_sending_only_when_it_bars_replies_and_templates(
    restrictions: list[str], stops: bool
) -> None:
    rows = [{"restriction_type": name, "expiration": 1753926000} for name in restrictions]
    notice = told("account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": rows})
    assert (notice.serious, notice.stops) == (True, stops)
    assert all(name in notice.detail for name in restrictions)


@pytest.mark.parametrize("expiration", [None, "", "soon", True, -1, 10**30, "9" * 40, {}, "²"])
def test_a_restriction_without_an_end_is_told_all_the_same(expiration: Any) -> None:
    rows = [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": expiration}]
    notice = told("account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": rows})
    assert isinstance(notice, AccountNotice)
    assert "RESTRICTED_BIZ_INITIATED_MESSAGING" in notice.detail


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_error_beside_no_message_weighs_what_the_table_of_codes_says(code: int) -> None:
    notice = told("messages", {"code": code, "title": "x"}, "other:errors")
    assert (notice.field, notice.event) == ("errors", str(code))
    assert notice.serious is issubclass(CODES[code].error, FixCredentials | AskPerson)
    assert notice.stops is issubclass(CODES[code].error, StopAccount)


@pytest.mark.parametrize("code", ["131031", "x", "²", -1, 1.5, "9" * 5000])
def test_a_code_of_any_shape_is_told(code: Any) -> None:
    notice = told("messages", {"code": code, "title": "x"}, "other:errors")
    assert isinstance(notice, AccountNotice)
    assert notice.serious


@pytest.mark.parametrize(
    ("value", "people"),
    [
        (2000, 2000),
        ("2000", 2000),
        ("TIER_50", 50),
        ("TIER_1K", 1000),
        ("TIER_2K", 2000),
        ("TIER_100K", 100_000),
        ("TIER_1M", 1_000_000),
        ("tier_250", 250),
        (-1, -1),
        ("-1", -1),
        ("TIER_UNLIMITED", -1),
        ("UNLIMITED", -1),
        ("TIER_NOT_SET", None),
        ("", None),
        (None, None),
        (True, None),
        (2.5, None),
        ([], None),
    ],
)
def test_a_messaging_limit_is_a_number_of_people_however_it_is_written(value: Any, people: int | None) -> None:
    assert people_per_day(value) == people


def test_the_limit_of_a_throughput_upgrade_is_not_taken_for_a_number_of_people() -> None:
    value = {"display_phone_number": "886255501000", "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED"}
    notice = told("phone_number_quality_update", value)
    assert isinstance(notice, NumberNotice)
    assert notice.messaging_limit is None


def test_a_template_is_recognised_under_any_field() -> None:
    value = {"message_template_name": "a", "message_template_language": "en-US", "new_quality_score": "RED"}
    for field in ("message_template_status_update", "account_update", "something_new"):
        notice = told(field, value)
        assert isinstance(notice, TemplateNotice)
        assert (notice.name, notice.language, notice.quality) == ("a", "en_US", "RED")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("16505551234", "+16505551234"),
        ("+54 9 11 0000-0000", "+5491100000000"),
        ("+886 (912) 345.678", "+886912345678"),
        (886912345678, "+886912345678"),
        ("", None),
        ("ext. 7", None),
        (None, None),
        (True, None),
    ],
)
def test_a_number_of_the_address_book_is_read_as_people_write_it(written: Any, number: str | None) -> None:
    assert dialled(written) == number


def test_whatever_was_told_fits_on_one_readable_line() -> None:
    value = {"a": 1, "b": {"c": ["x", "y"], "d": None}, "e": True, "f": [], "g": ""}
    assert plain(value) == "a: 1; b (c: x, y); e: true"
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    assert plain(deep) == "…"
