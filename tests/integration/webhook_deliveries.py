"""Deliveries as the platform might send them, and as somebody might break them, for property tests of the door."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from sqlalchemy import text

from syncer.store.session import Store

FILES = sorted((Path(__file__).parents[1] / "data" / "whatsapp" / "webhooks").glob("*.json"))
NUMBERS = ("106540352242922", "106540352242923")

#: What people type: any script, and what has broken databases before (NUL, a lone surrogate, backslashes, tabs).
TEXT = st.one_of(
    st.text(max_size=20), st.sampled_from(["\x00", "a\ud800b", "\\N\\.\t\r\n", "'; --", "%s", "👩‍👩‍👧", ""])
)
TIMESTAMPS = st.one_of(
    st.integers(1_500_000_000, 1_900_000_000).map(str),
    st.integers(1_500_000_000, 1_900_000_000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "soon", "9999999999999", "1e400", "-1", "inf", "nan", "١٧", "2026-11-23T00:00:00Z", None, True]
    ),
)
PHONES = st.sampled_from(["886912345678", "5511987654321", "551187654321", "5215512345678", "15550783881", "12", "0"])
USER_IDS = st.sampled_from(["US.13491208655302741918", "TW.1", "x" * 150])
ANYTHING: SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
MEDIA = st.fixed_dictionaries({"id": st.from_regex(r"\A[0-9]{5,16}\Z"), "mime_type": TEXT}, optional={"caption": TEXT})
CONTENTS: dict[str, SearchStrategy[Any]] = {
    "text": st.fixed_dictionaries({"body": TEXT}),
    "image": MEDIA,
    "audio": MEDIA,
    "document": MEDIA,
    "location": st.fixed_dictionaries({"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}),
    "button": st.fixed_dictionaries({"text": TEXT, "payload": TEXT}),
    "reaction": st.fixed_dictionaries({"message_id": TEXT, "emoji": TEXT}),
    "contacts": st.lists(st.fixed_dictionaries({"name": st.fixed_dictionaries({"formatted_name": TEXT})}), max_size=2),
    "order": st.fixed_dictionaries({"product_items": st.lists(ANYTHING, max_size=2), "text": TEXT}),
    "unsupported": ANYTHING,
    "hologram": ANYTHING,
}
ERRORS = st.lists(st.fixed_dictionaries({"code": st.integers(0, 200_000), "title": TEXT}), max_size=2)
STATUSES = st.sampled_from(["sent", "delivered", "read", "played", "failed", "warped"])
#: Fields whose value is one notice, with the member that can hold a word of ours.
NOTICES = {
    "message_template_status_update": "reason",
    "message_template_quality_update": "message_template_name",
    "phone_number_quality_update": "display_phone_number",
    "account_update": "event",
    "security": "event",
    "a_field_of_tomorrow": "news",
}


@dataclass
class Delivery:
    """`body` and what must be in the inbox after it: the keys of messages and statuses, and the notices' own words."""

    body: bytes = b""
    keys: set[tuple[str, str, str]] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


@st.composite
def deliveries(draw: DrawFn) -> Delivery:
    """Entries of changes of items, every item with a name of its own but for those that the delivery repeats."""
    told = Delivery()
    entries = [
        {
            "id": "102290129340398",
            "time": draw(TIMESTAMPS),
            "changes": [_change(draw, told) for _ in _times(draw, 1, 3)],
        }
        for _ in _times(draw, 1, 2)
    ]
    told.body = encode({"object": "whatsapp_business_account", "entry": entries})
    return told


def _times(draw: DrawFn, least: int, most: int) -> range:
    return range(draw(st.integers(least, most)))


def _change(draw: DrawFn, told: Delivery) -> dict[str, Any]:
    if draw(st.integers(0, 3)) == 0:
        return _notice(draw, told)
    number = draw(st.sampled_from(NUMBERS))
    messages = [_message(draw, told, number) for _ in _times(draw, 0, 3)]
    statuses = [_status(draw, told, number) for _ in _times(draw, 0 if messages else 1, 3)]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
        "contacts": draw(st.lists(_contact(), max_size=2)),
        "messages": messages + draw(st.lists(st.sampled_from(messages), max_size=2) if messages else st.just([])),
        "statuses": statuses + draw(st.lists(st.sampled_from(statuses), max_size=2) if statuses else st.just([])),
    }
    return {"field": "messages", "value": value}


def _name(told: Delivery) -> str:
    return f"wamid.{len(told.keys) + len(told.words)}"


def _message(draw: DrawFn, told: Delivery, number: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(CONTENTS)))
    wamid = _name(told)
    told.keys.add((number, wamid, "message"))
    return {"id": wamid, "timestamp": draw(TIMESTAMPS), "type": kind, kind: draw(CONTENTS[kind])} | draw(
        st.fixed_dictionaries(
            {}, optional={"from": PHONES, "from_user_id": USER_IDS, "errors": ERRORS, "news": ANYTHING}
        )
    )


def _status(draw: DrawFn, told: Delivery, number: str) -> dict[str, Any]:
    status, wamid = draw(STATUSES), _name(told)
    told.keys.add((number, wamid, f"status:{status}"))
    more = {
        "recipient_id": PHONES,
        "recipient_user_id": USER_IDS,
        "errors": ERRORS,
        "pricing": ANYTHING,
        "news": ANYTHING,
    }
    return {"id": wamid, "status": status, "timestamp": draw(TIMESTAMPS)} | draw(
        st.fixed_dictionaries({}, optional=more)
    )


def _contact() -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"profile": st.fixed_dictionaries({"name": TEXT})}, optional={"wa_id": PHONES, "user_id": USER_IDS}
    )


def _notice(draw: DrawFn, told: Delivery) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(NOTICES)))
    word = f"notice-{len(told.keys) + len(told.words)}-"
    told.words.add(word)
    return {"field": name, "value": {NOTICES[name]: word, "timestamp": draw(TIMESTAMPS), "more": draw(ANYTHING)}}


def encode(value: Any) -> bytes:
    """As the platform writes it: ASCII, everything else escaped."""
    return json.dumps(value).encode()


def message(wamid: str, said: str = "hello", phone: str = "886912345678") -> bytes:
    """A customer's text."""
    told = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBERS[0]},
        "contacts": [{"profile": {"name": "王小明"}, "wa_id": phone}],
        "messages": [{"from": phone, "id": wamid, "timestamp": "1763892000", "type": "text", "text": {"body": said}}],
    }
    change = {"field": "messages", "value": told}
    delivery = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    return encode(delivery)


def stored(store: Store) -> list[Any]:
    """The inbox, as it was filled."""
    with store.begin() as tx:
        return list(tx.execute(text("select * from inbox order by id")))


# Broken ones


@st.composite
def mutated(draw: DrawFn) -> bytes:
    """A real or a made delivery of which one to four places are something else now."""
    body = draw(st.one_of(st.sampled_from(FILES).map(Path.read_bytes), deliveries().map(lambda told: told.body)))
    delivery = json.loads(body)
    for _ in _times(draw, 1, 4):
        _mutate(draw, delivery)
    return encode(delivery)


def _mutate(draw: DrawFn, delivery: Any) -> None:
    places = list(_places(delivery))
    if not places:
        return
    holder, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["other", "gone", "twice", "turned", "wrapped", "unwrapped"])):
        case "other":
            holder[key] = draw(ANYTHING)
        case "gone":
            del holder[key]
        case "twice" if isinstance(holder, list):
            holder.append(holder[key])
        case "turned":
            holder[key] = _turned(holder[key])
        case "wrapped":
            holder[key] = [holder[key]] if draw(st.booleans()) else {"value": holder[key]}
        case "unwrapped" if isinstance(holder[key], list | dict) and holder[key]:
            holder[key] = holder[key][0] if isinstance(holder[key], list) else next(iter(holder[key].values()))


def _places(value: Any) -> Any:
    """Every (holder, key) in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _turned(value: Any) -> Any:
    """Numbers into strings and strings into numbers."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) < 4000 else len(value)
    return json.dumps(value)


@st.composite
def damaged(draw: DrawFn) -> bytes:
    """The bytes of a delivery, cut, overwritten or stretched somewhere."""
    body = draw(st.sampled_from(FILES)).read_bytes()
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 40)))
    return body[:start] + draw(st.binary(max_size=20)) + body[end:]


def nested(depth: int, opening: bytes, closing: bytes, place: bytes) -> bytes:
    """A delivery that holds brackets `depth` deep, at a place a reader must look or need not."""
    deep = opening * depth + b"1" + closing * depth
    return b'{"entry": [{"changes": [{"field": "messages", "value": {"messages": [{"id": "w", %s: %s}]}}]}]}' % (
        place,
        deep,
    )
