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
from tests.unit.mangling import mangled

FILES = Path(__file__).parents[1] / "data" / "whatsapp" / "webhooks"
CASES = sorted(path.stem for path in FILES.glob("*.json"))
RECEIVED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NUMBER, PERSON = "106540352242922", "+886912345678"
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
        {"messages": [{"id": 7.5}]},
        {"messages": [{"id": True}]},
        {"messages": [{"id": ""}]},
        {"messages": [{"id": "x" * 1000}]},
        {"messages": [{"id": "nul\x00"}]},
        {"messages": [{"id": "中文"}]},
        {"statuses": [{"id": "wamid.1"}]},
        {"statuses": [{"id": "wamid.1", "status": "a\x00b"}]},
        {"contacts": "none"},
        {"contacts": [None], "errors": ["x"], "metadata": []},
        {"messages": None},
        {"messages": []},
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


def test_an_id_given_as_a_number_is_the_same_id() -> None:
    value = {"metadata": {"phone_number_id": 1065}, "messages": [{"id": 7, "from_user_id": 9}]}
    [item] = HOOKS.split(delivery(value))
    assert (item.phone_number_id, item.item_id, item.kind, item.order_key) == ("1065", "7", "message", "9")


def test_people_without_a_phone_are_not_mistaken_for_each_other() -> None:
    """The platform writes an empty text where it hides a phone: that is nobody's number."""
    people = [{"wa_id": "", "user_id": f"TW.{n}", "profile": {"name": f"N{n}"}} for n in range(3)]
    rows = [{"id": f"wamid.{n}", "from": "", "from_user_id": f"TW.{n}"} for n in (2, 0, 7)]
    items = HOOKS.split(delivery({"contacts": people, "messages": rows}))
    assert [json.loads(item.payload)["contact"] for item in items] == [people[2], people[0], None]
    assert [item.order_key for item in items] == ["TW.2", "TW.0", "TW.7"]


@pytest.mark.parametrize("phone", ["", None])
def test_one_contact_beside_one_message_of_another_user_id_is_not_its_sender(phone: str | None) -> None:
    value = {
        "contacts": [{"wa_id": phone, "user_id": "TW.1"}],
        "messages": [{"id": "wamid.1", "from": phone, "from_user_id": "TW.2"}],
    }
    [item] = HOOKS.split(delivery(value))
    assert (json.loads(item.payload)["contact"], item.order_key) == (None, "TW.2")


def test_one_wamid_may_be_an_echo_a_message_of_the_history_and_a_status() -> None:
    row = {"id": "wamid.1", "from": "886255501000", "to": "886912345678", "timestamp": "1749416383"}
    seen = {"history": [{"threads": [{"id": "886912345678", "messages": [row]}]}], "message_echoes": [row]}
    items = [
        *HOOKS.split(delivery({"message_echoes": [row]}, "smb_message_echoes")),
        *HOOKS.split(delivery(seen, "history")),
        *HOOKS.split(delivery({"statuses": [{"id": "wamid.1", "status": "read"}]})),
    ]
    assert [item.kind for item in items] == ["echo", "history", "history:message_echoes", "status:read"]
    assert {item.item_id for item in items} == {"wamid.1"}


def test_a_delivery_of_a_thousand_items_keeps_every_one() -> None:
    statuses = [{"id": f"wamid.{n}", "status": "sent", "recipient_id": f"8869{n:08d}"} for n in range(1000)]
    items = HOOKS.split(delivery({"statuses": statuses}), RECEIVED)
    assert len({(item.item_id, item.kind) for item in items}) == 1000
    assert items[999].order_key == "+886900000999"


def test_a_history_of_three_mebibytes_keeps_every_message() -> None:
    rows = [{"id": f"wamid.{n}", "from": "886912345678", "text": {"body": "話" * 300}} for n in range(1500)]
    threads = [{"id": "886912345678", "messages": rows[n : n + 100]} for n in range(0, 1500, 100)]
    body = delivery({"history": [{"metadata": {"progress": 5}, "threads": threads}]}, "history")
    assert 2.5 * 2**20 < len(body) < 3 * 2**20
    assert [item.kind for item in HOOKS.split(body, RECEIVED)] == ["history"] * 1500 + ["other:history"]


def rows_of(body: Any) -> int:
    """How many things a delivery tells, counted without knowing what they are."""
    changes = [listed(entry.get("changes") if isinstance(entry, dict) else None) for entry in body["entry"]]
    return sum(max(1, sum(map(_told, told))) for told in changes)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


LISTS = {
    "messages": ["messages", "statuses", "errors"],
    "user_preferences": ["user_preferences"],
    "smb_message_echoes": ["message_echoes"],
    "smb_app_state_sync": ["state_sync"],
    "history": ["messages", "message_echoes"],
}


def _told(change: Any) -> int:
    value = change.get("value") if isinstance(change, dict) else None
    field = change.get("field") if isinstance(change, dict) else None
    if not isinstance(value, dict) or not isinstance(field, str):
        return 1
    lists = [value.get(key) for key in LISTS.get(field, [])]
    for chunk in listed(value.get("history") if field == "history" else None):
        for thread in listed(chunk.get("threads") if isinstance(chunk, dict) else None):
            lists.append(thread.get("messages") if isinstance(thread, dict) else None)
    return max(1, sum(len(listed(rows)) for rows in lists))


DELIVERIES = {case: json.loads(body_of(case)) for case in CASES}


@settings(max_examples=200, deadline=None)
@given(body=st.sampled_from(CASES).flatmap(lambda case: mangled(DELIVERIES[case])))
def test_no_mangled_delivery_raises_drops_anything_or_yields_what_cannot_be_stored(body: Any) -> None:
    raw = json.dumps(body).encode()
    if not isinstance(body, dict) or not isinstance(body.get("entry"), list):
        with pytest.raises(ValueError, match="not a delivery"):
            HOOKS.split(raw, RECEIVED)
        return
    items = HOOKS.split(raw, RECEIVED)
    assert len(items) >= rows_of(body)
    for item in items:
        row = f"{item.phone_number_id}{item.item_id}{item.kind}{item.order_key}{item.payload}"
        assert "\x00" not in row
        row.encode("utf-8")
        assert item.item_id.isascii()
        assert 0 < len(item.item_id) <= 160
        assert isinstance(json.loads(item.payload), dict)
        assert item.occurred_at <= RECEIVED + timedelta(minutes=5)
    assert [(i.item_id, i.kind) for i in HOOKS.split(raw)] == [(i.item_id, i.kind) for i in items]


@pytest.mark.parametrize("case", CASES)
def test_without_the_fast_json_the_items_are_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = split(case)
    monkeypatch.setattr(json_text, "_fast_decode", json_text._decode)
    monkeypatch.setattr(json_text, "_fast_encode", json_text._encode)
    for ours, theirs in zip(split(case), fast, strict=True):
        assert json.loads(ours.payload) == json.loads(theirs.payload)
        assert (ours.kind, ours.order_key, ours.occurred_at) == (theirs.kind, theirs.order_key, theirs.occurred_at)
