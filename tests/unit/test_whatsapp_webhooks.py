"""Deliveries: whose they are, what they hold, and that nothing in them is lost or believed too easily."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.domain.inbox import InboxItem
from syncer.whatsapp import json_text
from syncer.whatsapp.webhooks import WhatsAppWebhooks

FILES = Path(__file__).parents[1] / "data" / "whatsapp" / "webhooks"
CASES = sorted(path.stem for path in FILES.glob("*.json"))
RECEIVED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NUMBER, PERSON, USER = "106540352242922", "+886912345678", "TW.17441250173473496707"
HOOKS = WhatsAppWebhooks(["new-secret", "old-secret"])


def body_of(case: str) -> bytes:
    return (FILES / f"{case}.json").read_bytes()


def split(case: str) -> list[InboxItem]:
    return HOOKS.split(body_of(case), RECEIVED)


def delivery(value: Any, field: Any = "messages") -> bytes:
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": field, "value": value}]}]}).encode()


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


# Whose it is


@pytest.mark.parametrize("secret", ["new-secret", "old-secret"])
def test_a_delivery_signed_with_a_current_secret_is_the_platforms(secret: str) -> None:
    body = body_of("message_text")
    assert HOOKS.verify(body, signature(secret, body))


@pytest.mark.parametrize(
    "signed",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + hmac.new(b"new-secret", b"{}", hashlib.sha1).hexdigest(),
        hmac.new(b"new-secret", b"{}", hashlib.sha256).hexdigest(),
        signature("stranger", b"{}"),
        signature("", b"{}"),
        signature("new-secret", b"{} "),
        "sha256=\u4e00\ud800",
    ],
)
def test_anything_else_is_not(signed: str | None) -> None:
    assert not HOOKS.verify(b"{}", signed)


def test_without_a_secret_nothing_is_believed() -> None:
    for secrets in ([], [""]):
        assert not WhatsAppWebhooks(secrets).verify(b"{}", signature("", b"{}"))


def test_the_handshake_returns_the_challenge_to_who_knows_the_token() -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "tököken"}
    assert HOOKS.handshake(query, "tököken") == "1158201444"
    assert HOOKS.handshake(query, "other") is None
    assert HOOKS.handshake({**query, "hub.mode": "unsubscribe"}, "tököken") is None
    assert HOOKS.handshake({}, "tököken") is None
    assert HOOKS.handshake({**query, "hub.verify_token": ""}, "") is None


# What it holds


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("message_")])
def test_a_message_becomes_one_item_of_its_sender(case: str) -> None:
    [item] = split(case)
    expected = {
        "message_from_user_id_only": ("message", "TW.55511118208655302741"),
        "message_from_brazil": ("message", "+551112345678"),
        "message_without_id": ("other:messages", None),
        "message_without_sender": ("message", item.item_id),
        "message_echoes": ("other:smb_message_echoes", None),
    }
    kind, order_key = expected.get(case, ("message", PERSON))
    assert (item.source, item.phone_number_id, item.kind) == ("whatsapp", NUMBER, kind)
    assert item.order_key == (order_key or item.item_id)


@pytest.mark.parametrize(
    ("case", "kind", "order_key"),
    [
        ("status_sent", "status:sent", PERSON),
        ("status_delivered", "status:delivered", PERSON),
        ("status_read", "status:read", PERSON),
        ("status_played", "status:played", PERSON),
        ("status_failed", "status:failed", PERSON),
        ("status_failed_by_opt_out", "status:failed", PERSON),
        ("status_sent_to_user_id", "status:sent", USER),
        ("status_without_callback_data", "status:delivered", PERSON),
        ("status_without_recipient", "status:sent", None),
        ("status_of_an_unknown_name", "status:evaporated", PERSON),
        ("errors_out_of_band", "other:errors", None),
        ("user_preferences_stop", "other:user_preferences", PERSON),
        ("template_status_update", "other:message_template_status_update", None),
        ("template_quality_update", "other:message_template_quality_update", None),
        ("template_category_update", "other:template_category_update", None),
        ("phone_number_quality_update", "other:phone_number_quality_update", None),
        ("account_update", "other:account_update", None),
        ("user_actions", "other:messages", None),
        ("an_unknown_field", "other:weather_update", None),
    ],
)
def test_every_other_notice_becomes_an_item_of_its_kind(case: str, kind: str, order_key: str | None) -> None:
    [item] = split(case)
    assert item.kind == kind
    assert item.order_key == (order_key or item.item_id)


def test_a_notice_keeps_the_time_of_its_entry() -> None:
    [item] = split("template_status_update")
    assert item.occurred_at == datetime.fromtimestamp(1751247548, UTC)
    assert item.phone_number_id == ""


def test_the_payload_holds_the_item_and_what_is_needed_to_understand_it() -> None:
    [item] = split("message_text")
    change = json.loads(body_of("message_text"))["entry"][0]["changes"][0]
    assert json.loads(item.payload) == {
        "item": change["value"]["messages"][0],
        "contact": change["value"]["contacts"][0],
        "metadata": change["value"]["metadata"],
        "field": "messages",
    }


def test_each_message_of_a_batch_gets_its_own_person() -> None:
    items = split("batch_of_two_people")
    names = [json.loads(item.payload)["contact"]["profile"]["name"] for item in items]
    assert names == ["王小明", "陳美玲", "王小明"]
    assert [item.order_key for item in items] == [PERSON, "+886922333444", PERSON]
    assert items[2].occurred_at - items[0].occurred_at == timedelta(seconds=1)


def test_every_entry_and_change_is_read() -> None:
    items = split("batch_of_entries_and_changes")
    assert [(item.kind, item.phone_number_id) for item in items] == [
        ("message", NUMBER),
        ("status:sent", NUMBER),
        ("status:read", NUMBER),
        ("status:delivered", "106540352242999"),
    ]


def test_a_repetition_has_the_same_key_and_is_left_to_the_store() -> None:
    first, second = split("batch_with_a_repetition")
    assert (first.item_id, first.kind) == (second.item_id, second.kind)


@pytest.mark.parametrize("case", CASES)
def test_a_delivery_repeated_later_has_the_same_keys(case: str) -> None:
    again = HOOKS.split(body_of(case), RECEIVED + timedelta(days=6))
    assert [(i.item_id, i.kind) for i in again] == [(i.item_id, i.kind) for i in split(case)]


def test_notices_without_an_id_are_told_apart_by_content_and_time() -> None:
    def key(value: Any, field: str = "account_update", time: int = 1) -> str:
        change = {"field": field, "value": value}
        [item] = HOOKS.split(json.dumps({"entry": [{"time": time, "changes": [change]}]}).encode())
        return item.item_id

    base = key({"event": "A"})
    assert base == key({"event": "A"})
    assert len({base, key({"event": "B"}), key({"event": "A"}, time=2), key({"event": "A"}, field="security")}) == 4


def test_something_new_beside_the_messages_is_kept_too() -> None:
    value = {"messages": [{"id": "wamid.1", "from": "886912345678"}], "groups": [{"id": "g"}], "calls": []}
    message, other = HOOKS.split(delivery(value))
    assert (message.kind, other.kind) == ("message", "other:messages")
    assert json.loads(other.payload)["item"] == {"groups": [{"id": "g"}], "calls": []}


# Strange shapes


@pytest.mark.parametrize(
    "value",
    [
        {},
        None,
        7,
        "text",
        [],
        {"messages": {}},
        {"messages": [None]},
        {"messages": [["id"]]},
        {"messages": [{"id": 7}]},
        {"messages": [{"id": ""}]},
        {"messages": [{"id": "x" * 1000}]},
        {"messages": [{"id": "nul\x00"}]},
        {"messages": [{"id": "中文"}]},
        {"statuses": [{"id": "wamid.1"}]},
        {"statuses": [{"id": "wamid.1", "status": "a\x00b"}]},
        {"contacts": "none"},
        {"contacts": [None], "errors": ["x"], "metadata": []},
    ],
)
def test_a_shape_that_is_not_understood_is_kept_as_another_notice(value: Any) -> None:
    items = HOOKS.split(delivery(value), RECEIVED)
    assert [item.kind.partition(":")[0] for item in items] == ["other"]
    assert all(item.item_id.isascii() and 0 < len(item.item_id) <= 160 for item in items)


@pytest.mark.parametrize("entry", [None, 7, {}, {"changes": []}, {"changes": None}, {"changes": [None]}])
def test_an_entry_without_changes_is_kept_as_well(entry: Any) -> None:
    [item] = HOOKS.split(json.dumps({"entry": [entry]}).encode())
    assert item.kind in {"other:entry", "other:unknown"}


def test_a_sender_that_is_no_number_is_known_by_user_id_or_by_the_message() -> None:
    rows = [
        {"id": "wamid.1", "from": "abc", "from_user_id": "TW.1"},
        {"id": "wamid.2", "from": {"a": 1}},
        {"id": "wamid.3", "from": 886912345678},
        {"id": "wamid.4", "from": "+886912345678"},
    ]
    items = HOOKS.split(delivery({"messages": rows, "contacts": [{"wa_id": ["x"]}, 5]}))
    assert [item.order_key for item in items] == ["TW.1", "wamid.2", PERSON, PERSON]


@pytest.mark.parametrize(
    ("timestamp", "believed"),
    [
        ("1749416383", True),
        (1749416383, True),
        (1749416383.5, True),
        (int(RECEIVED.timestamp()) + 299, True),
        (int(RECEIVED.timestamp()) + 301, False),
        (None, False),
        ("", False),
        ("soon", False),
        ("nan", False),
        ("-1749416383", False),
        (0, False),
        (True, False),
        ("1749416383000", False),
        ("9" * 400, False),
        (10**30, False),
        ({"seconds": 1}, False),
        (float("inf"), False),
    ],
)
def test_a_time_that_cannot_be_true_is_the_time_of_receipt(timestamp: Any, believed: bool) -> None:
    raw = delivery({"messages": [{"id": "wamid.1", "from": "886912345678", "timestamp": timestamp}]})
    [item] = HOOKS.split(raw.replace(b"Infinity", b"1e400"), RECEIVED)
    assert item.occurred_at == (datetime.fromtimestamp(float(timestamp), UTC) if believed else RECEIVED)


def test_nul_and_lone_surrogates_stay_escapes() -> None:
    [item] = split("message_with_nul_and_lone_surrogate")
    assert "\x00" not in item.payload
    item.payload.encode("utf-8")
    assert json.loads(item.payload)["item"]["text"]["body"] == "a\x00b\ud800c"


def test_numbers_beyond_every_column_survive_as_text() -> None:
    raw = delivery({"messages": [{"id": "wamid.1", "a": 0}]}).replace(b'"a": 0', b'"a": 1e999, "b": ' + b"7" * 5000)
    [item] = HOOKS.split(raw)
    assert json.loads(item.payload)["item"]["a"] == "1e999"
    assert json.loads(item.payload)["item"]["b"] == "7" * 5000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'"entry"',
        b'{"entry": {}}',
        b'{"entry": NaN}',
        b'{"entry": []',
        b'{"entry":' + b"[" * 200_000,
        b'{"entry":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"entry":[' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"]}",
    ],
)
def test_what_is_no_delivery_at_all_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        HOOKS.split(body)


def test_a_delivery_without_entries_holds_nothing() -> None:
    assert HOOKS.split(b'{"entry": []}') == []


def test_a_deep_item_that_can_still_be_read_is_kept() -> None:
    [item] = HOOKS.split(delivery({"messages": [{"id": "wamid.1", "text": json.loads("[" * 400 + "]" * 400)}]}))
    assert item.kind == "message"


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=6,
)
KEYS = ["messages", "statuses", "errors", "contacts", "metadata", "user_preferences", "id", "from", "timestamp", "type"]
values = st.dictionaries(
    st.sampled_from(KEYS), json_values | st.lists(st.dictionaries(st.sampled_from(KEYS), json_values))
)


@settings(max_examples=50, deadline=None)
@given(value=values, field=st.sampled_from(["messages", "user_preferences"]) | json_values)
def test_no_delivery_that_is_json_raises_or_yields_what_cannot_be_stored(value: Any, field: Any) -> None:
    for item in HOOKS.split(delivery(value, field), RECEIVED):
        row = f"{item.phone_number_id}{item.item_id}{item.kind}{item.order_key}{item.payload}"
        assert "\x00" not in row
        row.encode("utf-8")
        assert isinstance(json.loads(item.payload), dict)
        assert item.occurred_at <= RECEIVED + timedelta(minutes=5)


@pytest.mark.parametrize("case", CASES)
def test_without_the_fast_json_the_items_are_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = split(case)
    monkeypatch.setattr(json_text, "_fast_decode", json_text._decode)
    monkeypatch.setattr(json_text, "_fast_encode", json_text._encode)
    for ours, theirs in zip(split(case), fast, strict=True):
        assert json.loads(ours.payload) == json.loads(theirs.payload)
        assert (ours.kind, ours.order_key, ours.occurred_at) == (theirs.kind, theirs.order_key, theirs.occurred_at)
