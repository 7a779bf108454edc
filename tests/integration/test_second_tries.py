"""A campaign's failed messages once more: only those that reached nobody, and nobody gets it twice (law 6)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from syncer.domain.campaign import Recipient
from syncer.domain.errors import Never, TryAgain
from syncer.domain.message import SendRequest
from syncer.domain.template import Template
from syncer.domain.work import Subject
from syncer.flows.campaigns import Campaigns
from syncer.flows.failures import Failures
from syncer.flows.second_tries import Retried, SecondTries
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from syncer.store import contact_joins, dead_letters
from syncer.whatsapp.errors import pause_before_anew
from tests.fakes.messenger import NUMBER, status
from tests.integration.conftest import House

ORDER = Template("order_confirmation", "zh_TW", "utility", "您好 {{1}}，訂單 {{2}} 已成立。", "Formosa Tea")
#: "Failed to send for an unknown reason", "not on WhatsApp", "kept back: not before 24 h".
HEALS, NEVER, RESTS = "131000", "131026", "131049"


@pytest.fixture
def tries(house: House) -> SecondTries:
    return SecondTries(house.store, house.clock, house.jobs, pause_before_anew)


@pytest.fixture
def campaign(house: House) -> Callable[[int], int]:
    def plan(people: int) -> int:
        book = TemplateBook(Templates(), {("order_confirmation", "zh_TW"): ORDER}, "Formosa Tea", ("zh_TW",))
        campaigns = Campaigns(house.store, house.clock, house.jobs, book, NUMBER)
        recipients = [Recipient(house.contact(f"+8869{n:08d}"), (f"客戶{n}", f"A{n}")) for n in range(people)]
        number = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients)
        send(house)
        return number

    return plan


def send(house: House) -> None:
    for batch in house.sending.open_batches():
        house.sending.send_batch(house.worker, batch)


def send_for_good(house: House) -> None:
    """Until every retry of R26 is over."""
    for _ in range(4):
        send(house)
        house.clock.advance(seconds=31)
        house.recovery.sweep()
    send(house)


def tell(house: House, wamid: str, word: str, code: str | None = None) -> None:
    house.clock.advance(seconds=1)
    more = {"code": code} if code else {}
    house.receive(status(wamid, word, at=house.clock.now(), **more))


def reached(house: House) -> list[str]:
    """Whom the platform has taken messages for, and did not fail."""
    failed = {row.wamid for row in house.rows("select wamid from messages where status = 'failed'")}
    return sorted(request.to for wamid, request in house.messenger.accepted.items() if wamid not in failed)


def refuse(error: Exception) -> Callable[[SendRequest], None]:
    def on_send(request: SendRequest) -> None:
        raise error

    return on_send


def test_what_the_platform_did_not_deliver_goes_once_more_and_once_only(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(3)
    tell(house, "wamid.1", "delivered")
    tell(house, "wamid.2", "failed", HEALS)
    tell(house, "wamid.3", "failed", NEVER)
    assert tries.retry_failed(number) == Retried(planned=1, never=1)
    assert tries.retry_failed(number) == Retried(never=1)
    assert house.value("select state from campaigns") == "running"
    send(house)
    assert reached(house) == ["+886900000000", "+886900000001"]
    assert house.value("select state from campaigns") == "done"
    tell(house, "wamid.4", "delivered")
    assert tries.retry_failed(number) == Retried(never=1)


def test_a_second_try_that_fails_may_be_tried_again(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(1)
    for wamid in ("wamid.1", "wamid.2", "wamid.3"):
        tell(house, wamid, "failed", HEALS)
        assert tries.retry_failed(number).planned == 1
        send(house)
    assert len(house.messenger.accepted) == 4
    assert len(reached(house)) == 1


def test_what_the_platform_never_took_is_the_same_message_once_more(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    house.messenger.on_send = refuse(TryAgain("overloaded", code="131016"))
    number = campaign(2)
    send_for_good(house)
    assert house.rows("select state, count(*) from outgoing group by 1") == [("failed", 2)]
    house.messenger.on_send = lambda request: None
    assert tries.retry_failed(number) == Retried(planned=2)
    assert house.value("select count(*) from dead_letters where resolved_at is null") == 0
    send(house)
    assert reached(house) == ["+886900000000", "+886900000001"]
    assert house.rows("select state, count(*) from outgoing group by 1") == [("accepted", 2)]
    assert house.rows("select status, count(*) from messages group by 1") == [("accepted", 2)]
    assert house.value("select state from campaigns") == "done"


def test_a_refusal_for_good_is_not_tried_again(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    house.messenger.on_send = refuse(Never("a parameter is wrong", code="100"))
    number = campaign(2)
    assert tries.retry_failed(number) == Retried(never=2)
    assert house.rows("select state, count(*) from outgoing group by 1") == [("failed", 2)]


def test_an_unknown_outcome_is_not_failed_nor_is_one_that_a_person_gave_up(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    house.messenger.lose_answers = True
    number = campaign(2)
    assert tries.retry_failed(number) == Retried(unknown=2)
    first = house.value("select min(id) from outgoing")
    with house.store.begin() as tx:
        house.outcomes.setbacks.bury(tx, Subject.OUTGOING, [dead_letters.Burial(first, "silence", "outcome_unknown")])
    letter = house.value("select id from dead_letters")
    Failures(house.store, house.statuses, house.clock, house.jobs).discard(letter)
    assert tries.retry_failed(number) == Retried(never=1, unknown=1)


def test_what_rests_for_a_day_is_tried_after_it(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(1)
    tell(house, "wamid.1", "failed", RESTS)
    assert tries.retry_failed(number) == Retried(later=1)
    house.clock.advance(hours=24)
    assert tries.retry_failed(number) == Retried(planned=1)


def test_a_first_that_arrives_after_all_stops_the_second(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(1)
    tell(house, "wamid.1", "failed", HEALS)
    assert tries.retry_failed(number).planned == 1
    tell(house, "wamid.1", "delivered")
    send(house)
    assert list(house.messenger.accepted) == ["wamid.1"]
    assert house.rows("select state, reason from outgoing order by id")[1] == ("skipped", "arrived_after_all")
    assert tries.retry_failed(number) == Retried()


def test_a_refused_one_whose_echo_comes_late_is_not_sent_again(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    house.messenger.on_send = refuse(TryAgain("overloaded", code="131016"))
    number = campaign(1)
    send_for_good(house)
    assert tries.retry_failed(number).planned == 1
    house.messenger.on_send = lambda request: None
    outgoing = house.value("select id from outgoing")
    house.receive(status("wamid.late", "sent", at=house.clock.now(), mark=house.mark(outgoing, 2)))
    send(house)
    assert house.messenger.accepted == {}
    assert house.send_state(outgoing)[0] == "accepted"


def test_of_many_who_ask_at_once_one_plans(house: House, tries: SecondTries, campaign: Callable[[int], int]) -> None:
    number = campaign(20)
    for n in range(1, 21):
        tell(house, f"wamid.{n}", "failed", HEALS)
    with ThreadPoolExecutor(6) as pool:
        planned = [one.planned for one in pool.map(lambda _: tries.retry_failed(number), range(12))]
    assert sorted(planned) == [*[0] * 11, 20]
    send(house)
    assert reached(house) == sorted({request.to for request in house.messenger.accepted.values()})
    assert len(house.messenger.accepted) == 40


def test_a_call_cut_off_in_the_middle_leaves_nothing_behind(
    house: House, tries: SecondTries, campaign: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = campaign(5)
    for n in range(1, 6):
        tell(house, f"wamid.{n}", "failed", HEALS)
    small = replace(tries, batch_size=2)
    sizes: list[int] = []

    def cut_off(tx: object, ids: list[int], batch_id: int, now: object) -> int:
        sizes.append(len(ids))
        if len(sizes) == 2:
            raise KeyboardInterrupt
        return 0

    with monkeypatch.context() as patch:
        patch.setattr("syncer.flows.second_tries.second_tries.repeat", cut_off)
        with pytest.raises(KeyboardInterrupt):
            small.retry_failed(number)
    assert house.value("select count(*) from outgoing") == 5
    assert small.retry_failed(number).planned == 5
    send(house)
    assert len(reached(house)) == len(set(reached(house))) == 5


def test_nobody_reached_under_another_contact_is_written_to_again(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(2)
    tell(house, "wamid.1", "failed", HEALS)
    tell(house, "wamid.2", "delivered")
    people = [row.id for row in house.rows("select id from contacts order by id")]
    assert tries.retry_failed(number).planned == 1
    with house.store.begin() as tx:
        contact_joins.take_turn(tx)
        contact_joins.join(tx, people[0], people[1], "one person", house.clock.now())
    send(house)
    assert len(house.messenger.accepted) == 2
    assert tries.retry_failed(number) == Retried()


def test_consent_is_asked_when_the_second_leaves(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    number = campaign(1)
    tell(house, "wamid.1", "failed", HEALS)
    house.contact("+886900000000", transactional="revoked")
    assert tries.retry_failed(number).planned == 1
    send(house)
    assert len(house.messenger.accepted) == 1
    assert house.rows("select state, reason from outgoing order by id")[1] == ("skipped", "transactional_revoked")


def test_a_paused_campaign_stays_paused_and_an_old_message_has_a_fresh_day(
    house: House, tries: SecondTries, campaign: Callable[[int], int]
) -> None:
    house.messenger.on_send = refuse(TryAgain("overloaded", code="131016"))
    number = campaign(1)
    send_for_good(house)
    house.clock.advance(days=9)
    assert tries.retry_failed(number).planned == 1
    assert house.value("select planned_at from outgoing") > house.clock.now() - timedelta(seconds=1)


def test_a_campaign_that_is_not_there_is_none(tries: SecondTries) -> None:
    with pytest.raises(LookupError):
        tries.retry_failed(99999)
