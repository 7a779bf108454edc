"""Hooks, the outer half: deliveries over real HTTP, against targets that are slow, broken, gone, or somewhere else."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from syncer.crm.hooks.targets import Targets
from syncer.domain.errors import Refused
from syncer.domain.hook import HookEvent
from syncer.flows.contacts.erasure import Erasure, InFlight
from syncer.flows.failures import Failures
from syncer.flows.upkeep import Upkeep
from syncer.http import HttpClient
from syncer.store.hook_deliveries import News, spread
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.hook_desk import Desk, Target, desk, target

RECEIVED = HookEvent.MESSAGE_RECEIVED


@pytest.fixture
def hooked(house: House) -> Iterator[Desk]:
    with desk(house) as made:
        yield made


@pytest.fixture
def shop() -> Iterator[Target]:
    with target() as made:
        yield made


def happen(hooked: Desk, count: int, *, people: int = 1, start: int = 0) -> list[str]:
    """Events of `people` in turn, straight into the deliveries; their ids."""
    now = hooked.house.clock.now()
    news = [
        News(RECEIVED, f"message-{n}", json.dumps({"id": f"message-{n}", "who": n % people}), n % people + 1, now)
        for n in range(start, start + count)
    ]
    with hooked.house.store.begin() as tx:
        spread(tx, news, now)
    return [one.event_id for one in news]


def test_a_delivery_can_be_verified_with_the_ten_lines_of_the_documents(hooked: Desk, shop: Target) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    hooked.hear(said("wamid.1", "您好", at=hooked.house.clock.now()))
    hooked.work()
    (call,) = shop.calls
    assert made.secret is not None
    signed = call.headers["x-syncer-timestamp"].encode() + b"." + call.body
    expected = "sha256=" + hmac.new(made.secret.encode(), signed, sha256).hexdigest()
    assert hmac.compare_digest(call.headers["x-syncer-signature"], expected)
    assert int(call.headers["x-syncer-timestamp"]) == int(hooked.house.clock.now().timestamp())
    assert call.headers["x-syncer-event"] == "message.received"
    assert call.headers["content-type"] == "application/json"
    assert call.json["body"] == "您好"
    assert [state for _, state in hooked.states()] == ["done"]


def test_events_of_one_person_come_in_their_order_and_connections_are_kept(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    happen(hooked, 120, people=6)
    hooked.work()
    for person in range(6):
        own = [call.json["id"] for call in shop.calls if call.json["who"] == person]
        assert own == [f"message-{n}" for n in range(120) if n % 6 == person]
    assert len(shop.calls) == 120
    assert len(shop.connections) <= 8


def test_a_later_event_of_a_person_waits_while_an_earlier_one_is_retried(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    odd = "message-0"
    shop.answers = lambda n, call: (500 if call.json["id"] == odd and shop.ids.count(odd) < 3 else 200, {}, b"")
    happen(hooked, 6, people=2)
    for _ in range(5):
        hooked.work(seconds=5)
    assert [call.json["id"] for call in shop.calls if call.json["who"] == 1] == ["message-1", "message-3", "message-5"]
    assert {call.json["id"] for call in shop.calls if call.json["who"] == 0} == {odd}
    hooked.work(seconds=31)
    assert [call.json["id"] for call in shop.calls if call.json["who"] == 0][-3:] == [odd, "message-2", "message-4"]
    assert {state for _, state in hooked.states()} == {"done"}


def test_what_fails_is_tried_at_once_then_after_half_a_minute_then_ever_later(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    shop.always(503)
    happen(hooked, 1)
    tried = []
    begun = hooked.house.clock.now()
    for _ in range(240):
        before = len(shop.calls)
        hooked.work(seconds=1)
        if len(shop.calls) > before:
            tried.append((hooked.house.clock.now() - begun).total_seconds())
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[0] <= 1
    assert gaps[1:4] == [30, 60, 120]
    names = {call.headers["x-syncer-delivery"] for call in shop.calls}
    assert len(names) == 1, "the same delivery keeps its name over all tries"


def test_what_cannot_be_delivered_for_a_day_is_a_persons_and_can_be_replayed(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    shop.answers = lambda n, call: (500 if call.json["id"] == "message-0" else 200, {}, b"")
    happen(hooked, 1)
    for n in range(110):
        happen(hooked, 1, start=n + 1, people=1000)
        hooked.work(seconds=901)
    letter = hooked.house.rows("select * from dead_letters where resolved_at is null")[0]
    assert letter.subject == "hook_delivery"
    assert [one for one, state in hooked.states() if state != "done"] == ["message-0"]
    shop.always(200)
    Failures(hooked.house.store, hooked.house.statuses, hooked.house.clock, hooked.house.jobs).replay(letter.id)
    hooked.work(seconds=3600)
    assert {state for _, state in hooked.states()} == {"done"}


def test_a_target_that_is_gone_ends_its_subscription_and_nothing_waits(hooked: Desk, shop: Target) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    shop.always(410)
    happen(hooked, 5, people=5)
    hooked.work()
    assert hooked.subscription(made.id).state == "gone"
    assert {state for _, state in hooked.states()} == {"ignored"}
    calls = len(shop.calls)
    hooked.hear(said("wamid.1", "hello", at=hooked.house.clock.now()))
    hooked.work(seconds=60)
    assert len(shop.calls) == calls
    assert hooked.house.value("select count(*) from dead_letters") == 0


def test_too_many_waits_as_long_as_the_target_says_and_costs_no_attempt(hooked: Desk, shop: Target) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    shop.answers = lambda n, call: (429, {"Retry-After": "90"}, b"") if n == 0 else (200, {}, b"")
    happen(hooked, 3, people=3)
    hooked.work()
    first = len(shop.calls)
    hooked.work(seconds=80)
    assert len(shop.calls) == first, "the whole target is left in peace"
    hooked.work(seconds=11)
    assert {state for _, state in hooked.states()} == {"done"}
    assert hooked.house.value("select max(attempts) from hook_deliveries") == 1
    assert hooked.subscription(made.id).failures == 0


@pytest.mark.parametrize("status", [302, 400, 404, 413])
def test_what_is_refused_is_not_tried_again(hooked: Desk, shop: Target, status: int) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    shop.answers = lambda n, call: (status, {"Location": shop.url}, b"") if n == 0 else (200, {}, b"")
    happen(hooked, 2, people=1)
    for _ in range(5):
        hooked.work(seconds=60)
    assert [state for _, state in hooked.states()] == ["dead", "done"]
    assert len(shop.calls) == 2
    assert hooked.subscription(made.id).failures == 0
    assert hooked.house.value("select reason from dead_letters").startswith(f"http_{status}")


def test_a_target_that_keeps_failing_is_asked_rarely_then_rests_and_loses_nothing(hooked: Desk, shop: Target) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    shop.always(500)
    happen(hooked, 200, people=200)
    for _ in range(60):
        hooked.work(seconds=60)
    assert len(shop.calls) < 20, "an hour of outage costs few requests"
    for _ in range(60):
        hooked.work(seconds=1801)
    assert hooked.subscription(made.id).state == "resting"
    alert = hooked.house.rows("select * from alerts where ended_at is null")[0]
    assert alert.key == f"hook:{made.id}"
    assert "rests after 50 failures" in alert.message
    shop.always(200)
    again = hooked.subscribe(RECEIVED, shop.url)
    assert (again.id, again.secret) == (made.id, None)
    assert hooked.house.value("select count(*) from alerts where ended_at is null") == 0
    for _ in range(3):
        hooked.work(seconds=1801)
    left = hooked.house.value("select count(*) from hook_deliveries where state not in ('done', 'dead')")
    assert left == 0
    assert hooked.house.value("select count(*) from hook_deliveries where state = 'dead'") <= 50


def test_a_batch_subscriber_gets_arrays_in_order(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url, batch=True)
    ids = happen(hooked, 250, people=7)
    hooked.work()
    assert shop.ids == ids
    assert max(len(call.json) for call in shop.calls) == 100
    assert len(shop.calls) == 3


def test_a_slow_subscriber_holds_up_nobody(hooked: Desk, shop: Target) -> None:
    with target() as slow, target() as dead:
        hang = threading.Event()
        slow.answers = lambda n, call: (hang.wait(1.0), (200, {}, b""))[1]
        dead.answers = lambda n, call: (hang.wait(5.0), (200, {}, b""))[1]
        for subscriber in (slow, dead, shop):
            hooked.subscribe(RECEIVED, subscriber.url)
        for n in range(6):
            hooked.subscribe(RECEIVED, f"{dead.url}/{n}")
        happen(hooked, 100, people=100)
        started = time.monotonic()
        worker = threading.Thread(target=hooked.work)
        worker.start()
        while len(shop.calls) < 100 and time.monotonic() - started < 30:
            time.sleep(0.01)
        first = time.monotonic() - started
        started = time.monotonic()
        happen(hooked, 1, start=500)
        while len(shop.calls) < 101 and time.monotonic() - started < 30:
            time.sleep(0.005)
        lone = time.monotonic() - started
        hang.set()
        worker.join(60)
    assert first < 2.5
    assert lone < 1.0


def test_a_worker_killed_between_post_and_settling_delivers_the_same_again(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    happen(hooked, 1)
    second = hooked.house.another_worker()

    def die(*_: Any) -> None:
        raise SystemExit

    settle = hooked.deliveries.settling
    hooked.deliveries.settling = type("Dead", (), {"settle": die})()  # type: ignore[assignment]
    with pytest.raises(SystemExit):
        hooked.deliveries.deliver(second.number)
    hooked.deliveries.settling = settle
    second.close()
    hooked.work(seconds=1)
    assert len(shop.calls) == 2
    assert shop.calls[0].body == shop.calls[1].body
    assert shop.calls[0].headers["x-syncer-delivery"] == shop.calls[1].headers["x-syncer-delivery"]
    assert [state for _, state in hooked.states()] == ["done"]


def test_two_workers_share_the_work_without_doubles(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    ids = happen(hooked, 200, people=50)
    with desk(hooked.house) as other:
        second = hooked.house.another_worker()
        threads = [
            threading.Thread(target=flow.deliver, args=(number,))
            for flow, number in ((hooked.deliveries, hooked.house.worker), (other.deliveries, second.number))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        hooked.work()
    assert sorted(shop.ids) == sorted(ids)


# Where deliveries may go


def test_a_private_address_is_no_target(house: House) -> None:
    with desk(house, networks=()) as strict, pytest.raises(Refused, match="open internet"):
        strict.subscribe(RECEIVED, "https://127.0.0.1/hook")


def test_a_name_that_turns_to_a_private_address_is_refused_at_delivery(
    house: House, shop: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it is subscribed, ours when it is connected to."""
    answers = iter(["93.184.216.34"])
    real = socket.getaddrinfo

    def rebinding(host: str, port: Any, *more: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return real(host, port, *more, **options)
        address = next(answers, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with desk(house, networks=()) as strict:
        made = strict.subscribe(RECEIVED, "https://rebind.example/hook")
        happen(strict, 1)
        strict.work()
        assert strict.states() == [("message-0", "dead")]
        assert "not admitted" in strict.subscription(made.id).reason
    assert shop.calls == []


def test_a_redirect_to_a_private_address_is_not_followed(hooked: Desk, shop: Target) -> None:
    with target() as inside:
        shop.always(307, Location=inside.url)
        hooked.subscribe(RECEIVED, shop.url)
        happen(hooked, 1)
        hooked.work()
        assert inside.calls == []
    assert [state for _, state in hooked.states()] == ["dead"]


def test_an_endless_answer_is_read_no_further_than_its_beginning(hooked: Desk, shop: Target) -> None:
    shop.answers = lambda n, call: (200, {}, b"x" * 50_000_000)
    hooked.subscribe(RECEIVED, shop.url)
    happen(hooked, 1)
    started = time.monotonic()
    hooked.work()
    assert time.monotonic() - started < 1.5
    assert [state for _, state in hooked.states()] == ["done"]


# What must not leak, and what must be forgotten


def test_neither_secret_nor_content_is_logged_or_stored_in_clear(
    hooked: Desk, shop: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = hooked.subscribe(RECEIVED, shop.url + "/secret-of-the-target")
    shop.answers = lambda n, call: (500 if n == 0 else 200, {}, b"")
    hooked.hear(said("wamid.1", "my private words", name="王小明", at=hooked.house.clock.now()))
    hooked.work()
    hooked.work(seconds=1)
    assert made.secret is not None
    logged = caplog.text
    for secret in (made.secret, "my private words", "王小明", "secret-of-the-target"):
        assert secret not in logged
    assert made.secret not in json.dumps([str(row) for row in hooked.house.rows("select * from hook_subscriptions")])


def test_an_erasure_takes_the_deliveries_along_and_waits_for_those_on_their_way(
    hooked: Desk, shop: Target, tmp_path: Any
) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    shop.always(500)
    at = hooked.house.clock.now()
    hooked.hear(said("wamid.1", "hello", at=at), said("wamid.2", "other", phone="+886955555555", at=at))
    hooked.work()
    person = hooked.house.value("select contact_id from messages where wamid = 'wamid.1'")
    flow = Erasure(hooked.house.store, hooked.house.clock, [b"key"], tmp_path)
    held = "update hook_deliveries set state = :state where contact_id = :id returning id"
    hooked.house.rows(held, id=person, state="claimed")
    with pytest.raises(InFlight, match="a subscriber is being told"):
        flow.erase(person, "me", "asked")
    hooked.house.rows(held, id=person, state="waiting")
    flow.erase(person, "me", "asked")
    assert [row.event_id for row in hooked.house.rows("select event_id from hook_deliveries")] != []
    assert hooked.house.value("select count(*) from hook_deliveries where contact_id = :id", id=person) == 0
    deliveries = set(hooked.house.rows("select id from hook_deliveries"))
    waiting = set(hooked.house.rows("select subject_id from retries where subject = 'hook_delivery'"))
    assert {row[0] for row in waiting} <= {row[0] for row in deliveries}


def test_deliveries_are_forgotten_after_their_time_and_what_waits_is_not(hooked: Desk, shop: Target) -> None:
    hooked.subscribe(RECEIVED, shop.url)
    happen(hooked, 2, people=2)
    hooked.work()
    shop.always(500)
    happen(hooked, 1, start=9)
    hooked.work()
    hooked.house.clock.advance(days=8)
    Upkeep(hooked.house.store, hooked.house.clock, hook_days=7).tidy()
    assert [event_id for event_id, _ in hooked.states()] == ["message-9"]


def test_unsubscribing_ends_what_waits_and_only_for_its_owner(hooked: Desk, shop: Target) -> None:
    made = hooked.subscribe(RECEIVED, shop.url)
    happen(hooked, 2)
    assert not hooked.subscriptions.unsubscribe("somebody-else", made.id)
    assert hooked.subscriptions.unsubscribe("zapier", made.id)
    assert not hooked.subscriptions.unsubscribe("zapier", made.id)
    hooked.work()
    assert shop.calls == []
    again = hooked.subscribe(RECEIVED, shop.url)
    assert again.id != made.id


def test_a_renewed_key_still_opens_old_secrets_and_none_at_all_stores_nothing(hooked: Desk, shop: Target) -> None:
    from cryptography.fernet import Fernet

    from syncer.flows.hooks.vault import Vault
    from tests.integration.hook_desk import KEY

    sealed = Vault([KEY]).close("whsec_x")
    assert Vault([Fernet.generate_key(), KEY]).open(sealed) == "whsec_x"
    with pytest.raises(Refused, match="subscribe anew"):
        Vault([Fernet.generate_key()]).open(sealed)
    with pytest.raises(Refused, match="SYNCER_SECRET_KEY"):
        Vault([]).close("whsec_x")


def test_the_connection_itself_refuses_an_address_that_is_not_admitted(shop: Target) -> None:
    client = HttpClient()
    with pytest.raises(Refused, match="not admitted"):
        client.post_to_stranger(shop.url, b"{}", headers={}, admits=Targets().door("https://x.example"), keep=10)
    assert shop.calls == []
