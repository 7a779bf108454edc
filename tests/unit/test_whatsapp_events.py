"""What each recorded delivery says: exactly the events written beside it, and nothing mangled is too much."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.domain.inbox import InboxItem
from syncer.domain.message import Direction, InboundMessage, PastMessage, Revision, Sender
from syncer.domain.notice import IdentityChange, PreferenceChange, Unrecognised
from syncer.domain.status import Status, StatusUpdate
from syncer.whatsapp import events
from syncer.whatsapp.webhooks import WhatsAppWebhooks
from tests.unit.mangling import mangled

FILES = Path(__file__).parents[1] / "data" / "whatsapp" / "webhooks"
#: Beside every delivery, what it must be read as.
EXPECTED = FILES.parent / "events"
CASES = sorted(path.stem for path in FILES.glob("*.json"))
PHONE, USER = "+886912345678", "TW.17441250173473496707"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def items_of(case: str) -> list[InboxItem]:
    return WhatsAppWebhooks([]).split((FILES / f"{case}.json").read_bytes(), AT)


def item_of(case: str) -> InboxItem:
    return items_of(case)[0]


def read(case: str) -> Any:
    return events.read(item_of(case))


def spelled(item: InboxItem) -> dict[str, Any]:
    """Item and event as the files of `EXPECTED` write them: without what is empty, and without `raw`."""
    event = events.read(item)
    hashed = item.kind.startswith("other:")
    told = {"kind": item.kind, "phone_number_id": item.phone_number_id}
    told |= {} if hashed else {"item_id": item.item_id}
    told["order_key"] = "item_id" if item.order_key == item.item_id else item.order_key
    fields = dataclasses.asdict(event)
    kept = {key: value for key, value in fields.items() if key != "raw" and value not in (None, "", False)}
    return {"item": told, "event": json.loads(json.dumps({"is": type(event).__name__, **kept}, default=_text))}


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@pytest.mark.parametrize("case", CASES)
def test_a_delivery_says_exactly_what_is_written_beside_it(case: str) -> None:
    expected = json.loads((EXPECTED / f"{case}.json").read_text(encoding="utf-8"))
    assert [spelled(item) for item in items_of(case)] == expected


def test_nothing_is_expected_of_a_delivery_that_is_not_there() -> None:
    assert sorted(path.stem for path in EXPECTED.glob("*.json")) == CASES


def test_every_kind_of_event_has_a_delivery() -> None:
    seen = {type(events.read(item)) for case in CASES for item in items_of(case)}
    assert seen == set(events.Event.__args__)


def test_a_message_carries_sender_time_number_and_the_raw_item() -> None:
    item = item_of("message_text")
    message = read("message_text")
    assert message.sender == Sender(PHONE, USER, "王小明")
    assert message.at == datetime.fromtimestamp(1749416383, UTC)
    assert (message.phone_number_id, message.wamid, message.reply_to) == ("106540352242922", item.item_id, None)
    assert message.raw == item.payload


def test_a_reply_names_what_it_answers() -> None:
    assert read("message_button").reply_to == "wamid.HBgMODg2OTEyMzQ1Njc4FQIAEhgUM0E0000000000901A"
    assert read("message_text_forwarded").reply_to is None


def test_a_name_of_ten_thousand_characters_is_cut_and_a_text_is_not() -> None:
    payload = {
        "item": {"from": "886912345678", "type": "text", "text": {"body": "長" * 10_000}},
        "contact": {"profile": {"name": "名" * 10_000}},
    }
    message = events.read(InboxItem("whatsapp", "1", "wamid.1", "message", "", AT, json.dumps(payload)))
    assert isinstance(message, InboundMessage)
    assert len(message.sender.name or "") == 1000
    assert len(message.text) == 10_000


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", '{"item": null}', "[" * 100_000, '{"item": {"from": []}}'])
@pytest.mark.parametrize("kind", ["message", "status:sent", "other:x", ""])
def test_a_payload_that_is_nothing_is_unrecognised(payload: str, kind: str) -> None:
    event = events.read(InboxItem("whatsapp", "", "id", kind, "", AT, payload))
    assert isinstance(event, Unrecognised)


@pytest.mark.parametrize("case", CASES)
def test_an_items_order_key_is_the_key_of_its_person(case: str) -> None:
    """Otherwise two workers could handle one person's items at a time (law 12)."""
    for item in items_of(case):
        event = events.read(item)
        if isinstance(event, InboundMessage | Revision):
            assert item.order_key == event.sender.key
        elif isinstance(event, PreferenceChange | PastMessage):
            assert item.order_key == event.person.key
        elif isinstance(event, StatusUpdate) and event.recipient:
            assert item.order_key == event.recipient.key


# Rows of the former version


def row(kind: str, body: Any, field: str = "messages", item_id: str = "0" * 32) -> InboxItem:
    payload = {"item": body, "contact": None, "metadata": None, "field": field}
    return InboxItem("whatsapp", "1", item_id, kind, "k", AT, json.dumps(payload))


def test_a_preference_stored_before_preferences_were_read_is_read_now() -> None:
    event = events.read(row("other:user_preferences", {"wa_id": "886912345678", "value": "stop"}, "user_preferences"))
    assert isinstance(event, PreferenceChange)
    assert event.person == Sender(PHONE)


def test_what_was_stored_undivided_is_kept_and_nothing_is_done_with_it() -> None:
    for field in ("smb_message_echoes", "smb_app_state_sync", "history"):
        event = events.read(row(f"other:{field}", {"message_echoes": [{"id": "wamid.1"}]}, field))
        assert event == Unrecognised(f"nothing is done with other:{field}")


# What a system message does not do


def test_a_system_message_is_never_a_customers_word() -> None:
    """It would open the customer service window and set off a reply."""
    for case in CASES:
        if case.startswith("message_system"):
            assert isinstance(read(case), IdentityChange | Unrecognised)


def test_a_new_number_that_was_somebody_elses_does_not_name_the_former_person() -> None:
    change = read("message_system_user_id_changed_with_new_phone")
    assert (change.before, change.after.phone) == (Sender(None, USER), "+886987654321")


# Who sent a message of the history


@pytest.mark.parametrize(
    ("message", "business", "thread", "direction"),
    [
        ({"from": "886255501000"}, "886255501000", "886912345678", Direction.OUT),
        ({"from": "886255501000"}, "+886 2 5550 1000", "886912345678", Direction.OUT),
        ({"from": "886912345678"}, "886255501000", "886912345678", Direction.IN),
        ({"from": "886912345678", "to": "886255501000"}, "886255501000", "886912345678", Direction.IN),
        ({"from": "551112345678"}, "886255501000", "5511912345678", Direction.IN),
        ({"from": "886255501000", "to": "886912345678"}, None, "886912345678", Direction.OUT),
        ({"from": "886255501000"}, None, "886912345678", Direction.OUT),
        ({"from": "", "from_user_id": "TW.1"}, "886255501000", "", Direction.IN),
        ({"to_user_id": "TW.1"}, "886255501000", "", Direction.OUT),
        ({"from": 886255501000}, 886255501000, 886912345678, Direction.OUT),
    ],
)
def test_the_direction_of_a_past_message_is_told_by_who_sent_it(
    message: Any, business: Any, thread: Any, direction: Direction
) -> None:
    told = {"id": thread, "context": {"user_id": "TW.1"}, "messages": [{"id": "wamid.1", "type": "text", **message}]}
    value = {"metadata": {"display_phone_number": business}, "history": [{"threads": [told]}]}
    body = {"entry": [{"changes": [{"field": "history", "value": value}]}]}
    [item] = WhatsAppWebhooks([]).split(json.dumps(body).encode())
    event = events.read(item)
    assert isinstance(event, PastMessage)
    assert event.direction is direction
    assert event.person.phone in (None, f"+{thread}")


# Strange shapes


@pytest.mark.parametrize("billable", [None, "true", 1, []], ids=["missing", "text", "number", "list"])
def test_what_is_charged_is_known_even_where_billable_is_not(billable: Any) -> None:
    body = {"status": "sent", "pricing": {"category": "utility", "billable": billable}}
    event = events.read(row("status:sent", body))
    assert isinstance(event, StatusUpdate)
    assert event.pricing is not None
    assert (event.pricing.category, event.pricing.billable, event.status) == ("utility", None, Status.SENT)


PAYLOADS = [(item.kind, json.loads(item.payload)) for case in CASES for item in items_of(case)]
NUMBERS = st.integers(0, len(PAYLOADS) - 1)


def texts_of(value: Any) -> list[str]:
    """Every text in an event, whatever holds it."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_of(part)]
    return [value] if isinstance(value, str) else []


@settings(max_examples=300, deadline=None)
@given(case=NUMBERS.flatmap(lambda number: st.tuples(st.just(PAYLOADS[number][0]), mangled(PAYLOADS[number][1]))))
def test_no_mangled_payload_raises_or_yields_what_cannot_be_stored(case: tuple[str, Any]) -> None:
    kind, payload = case
    event = events.read(InboxItem("whatsapp", "1", "wamid.1", kind, "k", AT, json.dumps(payload)))
    for text in texts_of(dataclasses.asdict(event)):
        assert "\x00" not in text
        text.encode("utf-8")
    if isinstance(event, InboundMessage | Revision):
        assert event.sender.key
        assert event.text != ""
    elif isinstance(event, PastMessage | PreferenceChange):
        assert event.person.key
    elif isinstance(event, Unrecognised):
        assert event.reason
        assert not event.reason.startswith("unreadable"), "a defect of ours hides behind this reason"
