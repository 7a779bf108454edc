"""Whatever comes to the webhook door, the answer is 200, 400, 401 or 413, and what was answered 200 is in the inbox,
each item once. The real application on a real socket and a real database; hypothesis thinks of the deliveries."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from syncer.store.session import Store
from syncer.web import app
from syncer.web.webhooks import LARGEST_BODY
from tests.fakes.jobs import RecordingJobs
from tests.integration.web_server import NUMBER, SECRET, VERIFY_TOKEN, deliver, serving, sign
from tests.integration.webhook_deliveries import FILES, Delivery, damaged, deliveries, encode, mutated, nested, stored

PATH = "/webhooks/whatsapp"


def quickly(examples: int) -> Any:
    """Some of what hypothesis could think of, different ones in each run. A fixture serves all examples: they empty the
    inbox themselves."""
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


class Door:
    """The door and what lies behind it."""

    def __init__(self, web: httpx.Client, store: Store) -> None:
        self._web, self._store = web, store

    def answers(self, body: bytes, signature: str | None = None) -> int:
        """The status of one delivery, rightly signed unless a signature is given."""
        if signature is None:
            return deliver(self._web, body).status_code
        headers = {"X-Hub-Signature-256": signature.encode("latin-1", "replace")}
        return self._web.post(PATH, content=body, headers=headers).status_code  # type: ignore[arg-type]

    def asks(self, query: str) -> httpx.Response:
        """A handshake."""
        return self._web.get(f"{PATH}?{query}")

    def empty(self) -> None:
        """Forget all items."""
        with self._store.begin() as tx:
            tx.execute(text("delete from inbox"))

    def rows(self) -> list[Any]:
        """The inbox."""
        return stored(self._store)

    def keys(self) -> Counter[tuple[str, str, str]]:
        """How often each key is in the inbox."""
        return Counter((row.phone_number_id, row.item_id, row.kind) for row in self.rows())


@pytest.fixture
def door(database_url: str, redis_url: str, jobs: RecordingJobs, store: Store) -> Iterator[Door]:
    with serving(app.build, database_url, redis_url, jobs) as web:
        yield Door(web, store)


@quickly(40)
@given(told=deliveries())
def test_every_item_of_a_delivery_is_one_row_and_a_replay_adds_none(door: Door, told: Delivery) -> None:
    door.empty()
    assert door.answers(told.body) == 200
    first = door.rows()
    found = {key: count for key, count in door.keys().items() if not key[2].startswith("other")}
    assert found == dict.fromkeys(told.keys, 1)
    for word in told.words:
        assert sum(word in row.payload for row in first) == 1, word
    assert [door.answers(told.body), door.answers(told.body)] == [200, 200]
    assert door.rows() == first


@quickly(80)
@given(body=mutated())
def test_a_mutated_delivery_is_kept_whole_or_refused_whole(door: Door, body: bytes) -> None:
    door.empty()
    status = door.answers(body)
    assert status in (200, 400)
    first = door.rows()
    assert status == 200 or first == []
    assert door.answers(body) == status
    assert door.rows() == first


@quickly(60)
@given(body=st.one_of(st.binary(max_size=300), damaged()))
@example(body=b"")
@example(body=b"\xef\xbb\xbf{}")
@example(body=b'{"entry": [' + b"9" * 5000 + b"]}")
@example(body=b'{"entry": [1e999, -0.0, 1E400, NaN]}')
def test_any_bytes_that_are_signed_are_200_or_400(door: Door, body: bytes) -> None:
    door.empty()
    status = door.answers(body)
    assert status in (200, 400)
    assert status == 200 or door.rows() == []


@quickly(30)
@given(file=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_delivery_is_400_wherever_it_was_cut(door: Door, file: Any, share: float) -> None:
    door.empty()
    whole = file.read_bytes().rstrip()
    assert door.answers(whole[: int(share * len(whole))]) == 400
    assert door.rows() == []


FORGED = st.one_of(
    # No client sends blanks around a header's value.
    st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=80).map(str.strip),
    st.binary(min_size=32, max_size=32).map(lambda digest: f"sha256={digest.hex()}"),
    st.binary(min_size=20, max_size=20).map(lambda digest: f"sha1={digest.hex()}"),
)


@quickly(40)
@given(body=st.one_of(st.sampled_from(FILES).map(Path.read_bytes), st.binary(max_size=100)), signature=FORGED)
def test_a_forged_delivery_is_401_whatever_it_holds(door: Door, body: bytes, signature: str) -> None:
    door.empty()
    assert door.answers(body, signature) == 401
    assert door.rows() == []


def test_a_signature_that_is_nearly_right_is_401(door: Door) -> None:
    body = FILES[0].read_bytes()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert door.answers(body, f"sha256={digest}") == 200
    for nearly in ("SHA256={}", "sha256={}0", "{}", "sha256= {}", "sha512={}", "sha256={},sha256={}"):
        assert door.answers(body, nearly.format(digest, digest)) == 401, nearly


def test_a_replayed_signature_does_not_fit_a_body_that_was_changed(door: Door) -> None:
    body = FILES[0].read_bytes()
    assert door.answers(body + b" ", sign(body)["X-Hub-Signature-256"]) == 401
    assert door.rows() == []


@pytest.mark.parametrize("depth", [100, 1_000, 100_000])
def test_deep_nesting_is_200_or_400(door: Door, depth: int) -> None:
    for place in (b'"text"', b'"errors"', b'"timestamp"', b'"from"', b'"type"', b'"news"'):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            door.empty()
            status = door.answers(nested(depth, opening, closing, place))
            assert status in (200, 400), (place, opening)
            assert len(door.rows()) == (status == 200), (place, opening)


@quickly(40)
@given(
    asked=st.dictionaries(st.sampled_from(["hub.mode", "hub.verify_token", "hub.challenge", "x"]), st.text(max_size=9))
)
@example(asked={"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN})
@example(asked={"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1\r\nSet-Cookie: a=b"})
@example(asked={"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "\ud800"})
def test_a_handshake_repeats_the_challenge_to_who_knows_the_word_and_to_nobody_else(
    door: Door, asked: dict[str, str]
) -> None:
    answer = door.asks(urlencode(asked, errors="surrogatepass"))
    right = asked.get("hub.mode") == "subscribe" and asked.get("hub.verify_token") == VERIFY_TOKEN
    if right and asked.get("hub.challenge"):
        assert answer.status_code == 200
        assert set(answer.headers) == {"date", "content-length", "content-type", "x-content-type-options"}
    else:
        assert answer.status_code == 403


def thousand(extra: int = 0) -> dict[str, Any]:
    """As many items as a delivery may hold: 500 messages, 300 statuses of theirs, and 200 of both once more."""
    messages = [
        {
            "id": f"wamid.{n}",
            "from": f"8869{n:08d}",
            "timestamp": "1763892000",
            "type": "text",
            "text": {"body": f"第{n}句"},
        }
        for n in range(500)
    ]
    statuses = [{"id": f"wamid.{n}", "status": "read", "timestamp": 1763892000 + n} for n in range(300)]
    value = {
        "metadata": {"phone_number_id": NUMBER},
        "contacts": [{"wa_id": message["from"], "profile": {"name": "王小明"}} for message in messages],
        "messages": messages + messages[:100],
        "statuses": statuses + statuses[:100],
        "padding": "x" * extra,
    }
    return {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}


def test_a_thousand_items_with_repetitions_are_one_row_each(door: Door) -> None:
    body = encode(thousand())
    assert [door.answers(body), door.answers(body)] == [200, 200]
    keys = door.keys()
    assert Counter(kind for _, _, kind in keys if not kind.startswith("other")) == {"message": 500, "status:read": 300}
    assert set(keys.values()) == {1}


def test_a_thousand_items_of_three_mebibytes_are_stored_and_one_byte_more_is_413(door: Door) -> None:
    largest = encode(thousand(LARGEST_BODY - len(encode(thousand()))))
    assert len(largest) == LARGEST_BODY
    more = largest.replace(b'"xx', b'"xxx', 1)
    assert (door.answers(more), len(door.rows())) == (413, 0)
    assert door.answers(largest) == 200
    assert Counter(row.kind.partition(":")[0] for row in door.rows()) == {"message": 500, "status": 300, "other": 1}


def test_the_same_deliveries_at_the_same_time_are_stored_once(door: Door) -> None:
    bodies = [file.read_bytes() for file in FILES[:60]]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(door.answers, bodies * 4)) == {200}
    together = door.keys()
    door.empty()
    assert [door.answers(body) for body in bodies] == [200] * len(bodies)
    assert together == door.keys()
    assert set(together.values()) == {1}


def test_the_files_of_real_deliveries_are_each_kept(door: Door) -> None:
    for file in FILES:
        door.empty()
        assert door.answers(file.read_bytes()) == 200, file.name
        assert door.rows(), file.name
