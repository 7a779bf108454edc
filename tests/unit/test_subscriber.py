"""The simulated subscriber of hooks: what it takes, what it has already, and its troubles."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps

import pytest

from syncer.crm.hooks.signature import sign
from syncer.domain.errors import DeliveryError
from syncer.http import HttpClient, Response
from syncer.simulators.subscriber import FAILING, UNHEARD, Subscriber

SECRET = "whsec-1"


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    found = Subscriber(secrets={"message.sent": SECRET})
    found.open()
    yield found
    found.close()


def deliver(subscriber: Subscriber, *ids: str, secret: str = SECRET) -> Response:
    body = dumps([{"id": one} for one in ids], ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"X-Syncer-Timestamp": "1764000000", "X-Syncer-Signature": f"sha256={sign(secret, '1764000000', body)}"}
    http = HttpClient()
    try:
        return http.request(
            "POST", subscriber.address("message.sent"), json=[{"id": one} for one in ids], headers=headers
        )
    finally:
        http.close()


def test_events_are_kept_once_by_their_ids(subscriber: Subscriber) -> None:
    assert deliver(subscriber, "a", "b").status == 200
    assert deliver(subscriber, "b", "c").status == 200
    assert sorted(subscriber.told) == ["a", "b", "c"]
    assert (subscriber.requests, subscriber.repeated) == (2, 1)


def test_a_wrong_signature_is_refused(subscriber: Subscriber) -> None:
    assert deliver(subscriber, "a", secret="another").status == 401
    assert subscriber.told == {}
    assert subscriber.unsigned == 1


def test_one_that_fails_takes_nothing(subscriber: Subscriber) -> None:
    subscriber.trouble = FAILING
    assert deliver(subscriber, "a").status == 503
    assert subscriber.told == {}


def test_one_that_is_not_heard_has_taken_it(subscriber: Subscriber) -> None:
    subscriber.trouble = UNHEARD
    with pytest.raises(DeliveryError):
        deliver(subscriber, "a")
    assert list(subscriber.told) == ["a"]


def test_closed_it_refuses_and_comes_back_at_the_same_port(subscriber: Subscriber) -> None:
    port = subscriber.port
    subscriber.close()
    with pytest.raises(DeliveryError):
        deliver(subscriber, "a")
    subscriber.open()
    assert subscriber.port == port
    assert deliver(subscriber, "a").status == 200
