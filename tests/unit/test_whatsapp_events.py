"""What a person would read of each item, who sent it, and that no mangled payload is too much."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.domain.inbox import InboxItem
from syncer.domain.message import InboundMessage, Sender, Unrecognised
from syncer.domain.status import Consequence, Status, StatusUpdate
from syncer.whatsapp import events
from syncer.whatsapp.webhooks import WhatsAppWebhooks

FILES = Path(__file__).parents[1] / "data" / "whatsapp" / "webhooks"
PHONE, USER = "+886912345678", "TW.17441250173473496707"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def item_of(case: str) -> InboxItem:
    return WhatsAppWebhooks([]).split((FILES / f"{case}.json").read_bytes(), AT)[0]


def read(case: str) -> Any:
    return events.read(item_of(case))


READABLE = {
    "message_text": ("text", "請問營業時間?"),
    "message_text_reply": ("text", "好的,謝謝"),
    "message_text_forwarded": ("text", "轉給你看"),
    "message_text_from_ad": ("text", "我想了解這個優惠"),
    "message_image_with_caption": ("image", "收到的商品是這樣"),
    "message_image": ("image", "[image]"),
    "message_video": ("video", "開箱影片"),
    "message_voice": ("audio", "[audio]"),
    "message_document": ("document", "訂單A1001.pdf"),
    "message_sticker": ("sticker", "[sticker]"),
    "message_location": ("location", "台北101, 台北市信義區信義路五段7號"),
    "message_location_pin": ("location", "25.033964, 121.564468"),
    "message_contacts": ("contacts", "陳美玲 +886 922 333 444, Office +886 2 5550 1000"),
    "message_button": ("button", "停止接收優惠"),
    "message_button_reply": ("interactive", "確認訂單"),
    "message_list_reply": ("interactive", "下午 2 點"),
    "message_flow_reply": ("interactive", "Sent"),
    "message_reaction": ("reaction", "👍"),
    "message_reaction_removed": ("reaction", "[reaction removed]"),
    "message_order": ("order", "2 x TEA-01, 1 x CUP-07; 請週五送到"),
    "message_system_number_changed": ("system", "王小明 changed from 886912345678 to 886987654321"),
    "message_system_user_id_changed": ("system", "user_changed_user_id TW.99999999999999999999"),
    "message_request_welcome": ("request_welcome", "[request_welcome]"),
    "message_unsupported": ("unsupported", "[Message type unknown; Message type is currently not supported.]"),
    "message_of_an_unknown_type": ("hologram", "[hologram]"),
    "message_edit": ("edit", "[edit]"),
    "message_revoke": ("revoke", "[revoke]"),
    "message_from_user_id_only": ("text", "hi"),
    "message_from_brazil": ("text", "olá"),
    "message_right_to_left_and_emoji": ("text", "مرحبا 👩‍👩‍👧‍👦 \u202eabc\u202c"),
    "message_with_nul_and_lone_surrogate": ("text", "a\ufffdb\ufffdc"),
    "message_without_time": ("text", "when?"),
    "message_from_the_future": ("text", "soon"),
    "message_with_time_in_milliseconds": ("text", "soon"),
}


@pytest.mark.parametrize(("case", "kind", "text"), [(case, *said) for case, said in READABLE.items()])
def test_every_message_has_a_readable_text(case: str, kind: str, text: str) -> None:
    message = read(case)
    assert isinstance(message, InboundMessage)
    assert (message.kind, message.text) == (kind, text)


def test_every_message_file_has_its_expectation() -> None:
    files = {path.stem for path in FILES.glob("message_*.json")}
    assert files - set(READABLE) == {"message_without_sender", "message_without_id", "message_echoes"}


def test_a_message_carries_sender_time_number_and_the_raw_item() -> None:
    item = item_of("message_text")
    message = read("message_text")
    assert message.sender == Sender(PHONE, USER, "王小明")
    assert message.at == datetime.fromtimestamp(1749416383, UTC)
    assert (message.phone_number_id, message.wamid, message.reply_to) == ("106540352242922", item.item_id, None)
    assert message.raw == item.payload


@pytest.mark.parametrize(
    ("case", "sender"),
    [
        ("message_from_user_id_only", Sender(None, "TW.55511118208655302741", "Lin")),
        ("message_from_brazil", Sender("+551112345678", None, "Ana")),
        ("message_system_number_changed", Sender(PHONE, None, None)),
        ("message_with_nul_and_lone_surrogate", Sender(PHONE, USER, "x\ufffdy")),
    ],
)
def test_a_sender_may_lack_phone_user_id_or_name(case: str, sender: Sender) -> None:
    assert read(case).sender == sender


@pytest.mark.parametrize("case", sorted(READABLE))
def test_an_items_order_key_is_its_senders_key(case: str) -> None:
    assert read(case).sender.key == item_of(case).order_key


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


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("status_sent", Status.SENT),
        ("status_delivered", Status.DELIVERED),
        ("status_read", Status.READ),
        ("status_played", Status.READ),
        ("status_sent_to_user_id", Status.SENT),
    ],
)
def test_a_status_climbs_and_carries_our_mark(case: str, status: Status) -> None:
    update = read(case)
    assert isinstance(update, StatusUpdate)
    assert (update.status, update.callback_data, update.error_code) == (status, "out-42-1", None)
    assert update.at == datetime.fromtimestamp(1750263773, UTC)
    assert update.wamid == item_of(case).item_id


def test_a_status_without_our_mark_says_so() -> None:
    assert read("status_without_callback_data").callback_data is None


def test_a_failure_names_its_reason_and_what_it_says_of_the_person() -> None:
    failed = read("status_failed")
    assert (failed.status, failed.error_code, failed.consequence) == (Status.FAILED, "131026", Consequence.UNREACHABLE)
    assert failed.error_detail == "Message undeliverable; Message Undeliverable."
    assert read("status_failed_by_opt_out").consequence is Consequence.OPTED_OUT


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("message_without_sender", "without phone and user id"),
        ("message_without_id", "other:messages"),
        ("status_of_an_unknown_name", "unknown status"),
        ("user_preferences_stop", "other:user_preferences"),
        ("template_status_update", "other:message_template_status_update"),
    ],
)
def test_what_is_not_understood_comes_back_with_a_reason(case: str, reason: str) -> None:
    event = read(case)
    assert isinstance(event, Unrecognised)
    assert reason in event.reason


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", '{"item": null}', "[" * 100_000, '{"item": {"from": []}}'])
@pytest.mark.parametrize("kind", ["message", "status:sent", "other:x", ""])
def test_a_payload_that_is_nothing_is_unrecognised(payload: str, kind: str) -> None:
    event = events.read(InboxItem("whatsapp", "", "id", kind, "", AT, payload))
    assert isinstance(event, Unrecognised)


def mangled(original: Any) -> st.SearchStrategy[Any]:
    """The same payload with anything in place of any of its parts."""
    junk = st.sampled_from([None, True, 0, -1.5, "", "\x00\ud800", "x" * 5000, [], [None], {}, {"id": []}, [[]]])
    if isinstance(original, dict):
        parts = st.fixed_dictionaries({key: mangled(part) for key, part in original.items()})
        return st.one_of(parts, parts, parts, junk)
    if isinstance(original, list):
        return st.one_of(st.tuples(*map(mangled, original)).map(list), junk)
    return st.one_of(st.just(original), st.just(original), junk)


PAYLOADS = [(item_of(path.stem).kind, json.loads(item_of(path.stem).payload)) for path in sorted(FILES.glob("*.json"))]
anything_mangled = st.sampled_from(PAYLOADS).flatmap(lambda case: st.tuples(st.just(case[0]), mangled(case[1])))


@settings(max_examples=200, deadline=None)
@given(case=anything_mangled)
def test_no_mangled_payload_raises_or_yields_what_cannot_be_stored(case: tuple[str, Any]) -> None:
    kind, payload = case
    event = events.read(InboxItem("whatsapp", "1", "wamid.1", kind, "k", AT, json.dumps(payload)))
    if isinstance(event, InboundMessage):
        assert event.sender.key
        assert event.text
        texts = [event.text, event.kind, event.reply_to, event.sender.name, event.sender.user_id, event.raw]
    elif isinstance(event, StatusUpdate):
        texts = [event.callback_data, event.error_code, event.error_detail]
    else:
        assert event.reason
        assert not event.reason.startswith("unreadable"), "a defect of ours hides behind this reason"
        texts = [event.reason]
    for text in filter(None, texts):
        assert "\x00" not in text
        text.encode("utf-8")
