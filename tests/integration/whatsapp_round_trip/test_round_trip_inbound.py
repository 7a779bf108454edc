"""Whatever a customer can say reaches the company's record of the conversation, and where a rule answers, the answer
reaches the customer (R24, R30)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from syncer.simulators.whatsapp import incoming_kinds
from syncer.simulators.whatsapp.sample_files import sample_file
from tests.integration.whatsapp_round_trip.engine import COMPANY, PRIMARY, Engine

#: What the platform names besides the kinds for which the simulator has a body of its own.
BARE = {"text", "request_welcome", "unsupported", "unknown"}
ALL_KINDS = (
    set(incoming_kinds._SAMPLES)
    | set(incoming_kinds._MAKERS)
    | set(incoming_kinds.MEDIA)
    | set(incoming_kinds.SHORT_NAMES)
    | BARE
)
OPENING_HOURS = "的服務時間為週一至週五"
DELETED = "[deleted by the sender]"


@dataclass(frozen=True)
class Saying:
    """A customer's message and what must become of it. `answer` is a part of the reply; `about`: "ours" and "theirs"
    mean the customer's or our own message before it, which `kind` and `body` then speak of where it was changed."""

    message: dict[str, Any]
    kind: str
    body: str
    answer: str | None = None
    about: str | None = None
    file: str | None = None


SAYINGS = {
    "text": Saying({"type": "text", "text": {"body": "請問營業時間？"}}, "text", "請問營業時間？", OPENING_HOURS),
    "text that quotes": Saying({"type": "text", "text": "這個"}, "text", "這個", about="ours"),
    "text from an ad": Saying({"type": "text", "text": "這檔", "referral": True}, "text", "這檔"),
    "text about a product": Saying({"type": "text", "text": "這款", "product": True}, "text", "這款"),
    "forwarded text": Saying({"type": "text", "text": "轉寄", "forwarded": True}, "text", "轉寄"),
    "image": Saying({"type": "image", "image": {"caption": "像這樣"}}, "image", "像這樣", file="image"),
    "image without words": Saying({"type": "image"}, "image", "[image]", file="image"),
    "video": Saying({"type": "video"}, "video", "[video]", file="video"),
    "audio": Saying({"type": "audio"}, "audio", "[audio]", "已收到您的語音訊息", file="audio"),
    "voice": Saying({"type": "voice"}, "audio", "[audio]", "已收到您的語音訊息", file="audio"),
    "document": Saying({"type": "document"}, "document", "訂單A1001.pdf", file="document"),
    "sticker": Saying({"type": "sticker"}, "sticker", "[sticker]", file="sticker"),
    "location": Saying({"type": "location"}, "location", "台北101, 台北市信義區信義路五段7號"),
    "contacts": Saying({"type": "contacts"}, "contacts", "陳美玲 +886 922 333 444"),
    "button": Saying({"type": "button"}, "button", "查詢進度", "訂單"),
    "interactive": Saying({"type": "interactive"}, "interactive", "確認訂單"),
    "button_reply": Saying({"type": "button_reply"}, "interactive", "確認訂單"),
    "list_reply": Saying({"type": "list_reply"}, "interactive", "下午 2 點"),
    "nfm_reply": Saying({"type": "nfm_reply"}, "interactive", "date: 2026-11-24"),
    "reaction": Saying({"type": "reaction"}, "reaction", "👍", about="ours"),
    "reaction taken back": Saying(
        {"type": "reaction", "reaction": {"emoji": ""}}, "reaction", "[reaction removed]", about="ours"
    ),
    "order": Saying(
        {"type": "order"}, "order", "2 x TEA-01 (350 TWD), 1 x CUP-07 (120 TWD); 請週五送到", "已收到您的訂單"
    ),
    "request_welcome": Saying({"type": "request_welcome"}, "request_welcome", "[request_welcome]"),
    "edit": Saying({"type": "edit", "edit": "改成三盒"}, "text", "改成三盒", about="theirs"),
    "revoke": Saying({"type": "revoke"}, "text", DELETED, about="theirs"),
    "unsupported": Saying({"type": "unsupported"}, "unsupported", "[Message type unknown; "),
    "unknown": Saying({"type": "unknown"}, "unknown", "[Message type unknown; "),
    "of next year": Saying({"type": "hologram", "hologram": {"id": "1"}}, "hologram", "[hologram]"),
}
#: Kinds that are no message of the customer's, with a test of their own below.
CHANGES = {"system", "user_changed_number", "user_changed_user_id"}


def test_the_table_has_every_kind_of_message_the_simulator_offers() -> None:
    assert {saying.message["type"] for saying in SAYINGS.values()} >= ALL_KINDS - CHANGES


def test_every_kind_of_message_is_recorded_and_answered_where_a_rule_answers(engine: Engine) -> None:
    phones = {name: f"8869120000{n:02d}" for n, name in enumerate(SAYINGS)}
    before = _talk_to(engine, [phones[name] for name, saying in SAYINGS.items() if saying.about])
    wamids = dict(zip(SAYINGS, engine.says(*(_said(name, phones[name], before) for name in SAYINGS)), strict=True))

    records, sends = engine.recorded(), engine.accepted()
    found, wanted = {}, {}
    for name, saying in SAYINGS.items():
        theirs, ours = before.get(phones[name], ("", ""))
        changed = saying.about == "theirs"
        record = records.get(theirs if changed else wamids[name])
        answers = [row for row in sends if row["to"] == phones[name] and row["wamid"] != ours]
        found[name] = record and {
            "direction": record.direction,
            "kind": record.kind,
            "body": record.body[: len(saying.body)],
            "customer": record.mobile,
            "reply_to": record.reply_to,
            "file": record.media_type,
            "answers": [_excerpt(row["text"], saying.answer) for row in answers],
        }
        wanted[name] = {
            "direction": "in",
            "kind": saying.kind,
            "body": saying.body,
            "customer": f"+{phones[name]}",
            "reply_to": ours if saying.about == "ours" else None,
            "file": sample_file(saying.file)[1] if saying.file else None,
            "answers": [saying.answer] if saying.answer else [],
        }
    assert {name: found[name] for name in SAYINGS if found[name] != wanted[name]} == {}
    assert {row.state for row in engine.inbox()} == {"done"}
    assert len([row for row in engine.inbox() if row.kind == "message"]) == len(wamids) + len(before)
    assert len(engine.recorded()) == engine.value("select count(*) from messages")


def test_the_files_of_messages_are_kept_and_the_record_says_where(engine: Engine) -> None:
    kinds = sorted(incoming_kinds.MEDIA)
    wamids = engine.says(*({"from": f"88691300000{n}", "type": kind} for n, kind in enumerate(kinds)))
    records = engine.recorded()
    for kind, wamid in zip(kinds, wamids, strict=True):
        address = records[wamid].media_url
        assert address.startswith("https://sync.example/api/v1/media/"), kind
        fetched = engine.api("GET", address.removeprefix("https://sync.example/api/v1/"))
        assert fetched.status_code == 200, kind
        assert sha256(fetched.content).digest() == sha256(sample_file(kind)[0]).digest(), kind


def test_a_file_that_vanished_costs_its_message_nothing_but_the_file(engine: Engine) -> None:
    engine.control("POST", "faults", {"route": "media_download", "kind": "server_error", "status": 503, "count": 1})
    again, gone = engine.control(
        "POST",
        "inbound",
        {"messages": [{"from": "886914000001", "type": "image"}, {"from": "886914000002", "type": "video"}]},
    )["ids"]
    media = engine.control("GET", "media")["media"]
    engine.control("POST", "media", {"vanish": [row["id"] for row in media if row["mime_type"].startswith("video")]})
    engine.until(lambda: engine.value("select count(*) from media where state in ('done', 'dead')") == 2)
    engine.settle()
    records = engine.recorded()
    assert records[again].media_url
    assert (records[gone].body, records[gone].media_url) == ("[video]", None)
    assert engine.value("select count(*) from dead_letters where subject = 'media'") == 1


def test_customers_who_hide_their_phone_are_heard_and_answered_by_their_user_id(engine: Engine) -> None:
    phones = [f"88691500000{n}" for n in range(3)]
    told = [{"phone": phone, "username": f"@u{phone}", "hides_phone": True} for phone in phones]
    ids = [row["user_id"] for row in engine.control("POST", "customers", {"customers": told})["customers"]]
    wamids = engine.says(*({"from": phone, "text": "營業時間", "name": "隱名"} for phone in phones))

    answers = [row for row in engine.accepted() if OPENING_HOURS in row["text"]]
    assert sorted(row["to"] for row in answers) == sorted(ids)
    records = engine.recorded()
    assert [records[wamid].body for wamid in wamids] == ["營業時間"] * 3
    assert {records[row["wamid"]].status for row in answers} == {"read"}
    assert all(COMPANY in records[row["wamid"]].body for row in answers)
    assert engine.column("select phone from contacts") == [None] * 3
    assert len({record.customer_id for record in records.values()} - {None}) == 3


def test_a_customer_seen_with_phone_and_user_id_is_one_person(engine: Engine) -> None:
    phone = "886915100001"
    engine.says({"from": phone, "text": "我有電話"})
    engine.control("POST", "customers", {"customers": [{"phone": phone, "username": "@hidden", "hides_phone": True}]})
    [wamid] = engine.says({"from": phone, "text": "現在沒有"})
    assert engine.value("select count(*) from contacts") == 1
    assert engine.recorded()[wamid].mobile == f"+{phone}"


def test_a_changed_number_and_a_changed_user_id_follow_the_person(engine: Engine) -> None:
    old, new, renamed = "886916000001", "886916000002", "886916000003"
    engine.says({"from": old, "text": "我是甲"}, {"from": renamed, "text": "我是乙"})
    before = {row.mobile: row.customer_id for row in engine.customers()}
    changes = engine.says(
        {"from": old, "type": "user_changed_number", "system": {"wa_id": new}},
        {"from": renamed, "type": "user_changed_user_id"},
    )
    later = engine.says({"from": new, "text": "甲的新號碼"}, {"from": renamed, "text": "乙的新名字"})

    records = engine.recorded()
    assert [records[wamid].kind for wamid in changes] == ["system", "system"]
    assert [records[wamid].customer_id for wamid in (*changes, *later)] == [
        before[f"+{old}"], before[f"+{renamed}"], before[f"+{old}"], before[f"+{renamed}"],
    ]  # fmt: skip
    assert {row.state for row in engine.inbox()} == {"done"}
    assert engine.value("select count(*) from contacts") == 2

    ours = engine.order("new-number", to={"phone": old}, text={"body": "給甲"})
    theirs = engine.order("same-number", to={"phone": renamed}, text={"body": "給乙"})
    engine.settle()
    # The old number belongs to nobody we know: whoever it is now must not read what was meant for the person.
    assert engine.message(theirs)["status"] == "read"
    assert engine.message(ours)["contact_id"] not in engine.column(
        "select contact_id from messages where wamid = :wamid", wamid=later[0]
    )


def test_the_same_said_twice_is_recorded_once_and_answered_once(engine: Engine) -> None:
    faults = [
        {"route": "callbacks.messages", "kind": "duplicate", "seconds": 0.05},
        {"route": "callbacks.messages", "kind": "repeat", "seconds": 0.05},
    ]
    engine.control("POST", "faults", {"faults": faults})
    wamids = engine.says(*({"from": f"8869170000{n:02d}", "text": "營業時間"} for n in range(10)))
    assert len(engine.control("GET", "log/callbacks")["attempts"]) > 1
    assert sorted(row.item_id for row in engine.inbox() if row.kind == "message") == sorted(wamids)
    assert sorted(row["to"] for row in engine.accepted()) == [f"8869170000{n:02d}" for n in range(10)]


def _talk_to(engine: Engine, phones: list[str]) -> dict[str, tuple[str, str]]:
    """A word from each of these people and one to them; the wamids of both, by phone."""
    theirs = engine.says(*({"from": phone, "text": "兩盒"} for phone in phones))
    for phone in phones:
        engine.order(f"to-{phone}", to={"phone": phone}, text={"body": "好的"})
    engine.settle()
    ours = {row["to"]: row["wamid"] for row in engine.accepted()}
    assert len(ours) == len(engine.accepted()) == len(phones)
    return {phone: (wamid, ours[phone]) for phone, wamid in zip(phones, theirs, strict=True)}


def _said(name: str, phone: str, before: dict[str, tuple[str, str]]) -> dict[str, Any]:
    saying = SAYINGS[name]
    quoted = {"reply_to": before[phone][1]} if saying.about == "ours" and saying.kind == "text" else {}
    return {"from": phone, "name": "王小明", "phone_number_id": PRIMARY, **saying.message, **quoted}


def _excerpt(text: str, part: str | None) -> str:
    """The part that was asked for if it is in the text, else all of it."""
    return part if part and part in text and COMPANY in text else text
