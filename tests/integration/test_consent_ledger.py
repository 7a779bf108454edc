"""The ledger in the database: it agrees with the policy, nothing in it changes, and a stop is faster than a campaign
(R7, X4)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncer.domain.campaign import Recipient
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.message import Lane, Sender
from syncer.domain.template import Template
from syncer.flows.campaigns import Campaigns
from syncer.flows.consent import Consent
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from syncer.policies import consent
from syncer.ports import Grant
from syncer.store import claims, consents, contact_joins, outgoing, recognition
from syncer.store.session import Store
from tests.fakes.messenger import NUMBER, said
from tests.integration.conftest import House

ROOT = Path(__file__).parents[2]
SOURCES = ("api:shop", "whatsapp:double_opt_in", "keyword:start", "crm:sql", "cli:desk")
OFFER = Template("sale", "zh_TW", "marketing", "您好 {{1}}，週年慶開始了。", "Formosa Tea")


def a_word(random: Random, contact_id: int, house: House) -> ConsentEntry:
    """Any word; moments are few, so that many are said at the same one."""
    at = house.clock.now() - timedelta(hours=random.randrange(4))
    tier, word = random.choice(list(Tier)), random.choice([Word.GRANTED, Word.REVOKED])
    source = random.choice(SOURCES)
    return ConsentEntry(contact_id, tier, word, at, source, "proof", explicit=not source.startswith("crm"))


@pytest.mark.parametrize("seed", range(4))
def test_the_database_weighs_words_as_the_policy_does(house: House, seed: int) -> None:
    random = Random(seed)
    people = [house.contact(f"+8869{number:08d}") for number in range(40)]
    with house.store.begin() as tx:
        for person in people:
            for _ in range(random.randrange(1, 7)):
                entry = a_word(random, person, house)
                holds = consents.record(tx, entry, house.clock.now())
                assert holds is consent.current(consents.ledger(tx, person))[entry.tier]
        shown = {row.id: row for row in tx.execute(text("select id, transactional, marketing from contacts"))}
        ledgers = {person: consents.ledger(tx, person) for person in people}
        confirmed = consents.confirmed(tx, people, consent.BY_OWN_HAND)
    for person, entries in ledgers.items():
        weighed = consent.current(entries)
        assert (shown[person].marketing, shown[person].transactional) == (
            weighed[Tier.MARKETING],
            weighed[Tier.TRANSACTIONAL],
        )
    granted = {key for key, words in ledgers.items() if consent.confirmed(words)[Tier.MARKETING] is Word.GRANTED}
    assert confirmed == granted
    assert 0 < len(granted) < len(people)


def test_a_join_weighs_the_words_of_both(house: House) -> None:
    random = Random(7)
    for number in range(20):
        pair = [house.contact(f"+88691{side}{number:06d}") for side in range(2)]
        with house.store.begin() as tx:
            for person in pair:
                for _ in range(random.randrange(1, 5)):
                    entry = a_word(random, person, house)
                    spread = ConsentEntry(
                        person,
                        entry.tier,
                        entry.word,
                        entry.at - timedelta(seconds=random.randrange(3000)),
                        entry.source,
                        entry.proof,
                        entry.explicit,
                    )
                    consents.record(tx, spread, house.clock.now())
        with house.store.begin() as tx:
            contact_joins.take_turn(tx)
            contact_joins.join(tx, pair[0], pair[1], "test", house.clock.now())
            weighed = consent.current(consents.ledger(tx, pair[0]))
            row = tx.execute(text("select * from contacts where id = :id"), {"id": pair[0]}).one()
        assert (row.marketing, row.transactional) == (weighed[Tier.MARKETING], weighed[Tier.TRANSACTIONAL])


def test_a_yes_of_today_and_a_stop_of_yesterday_that_comes_after_it(house: House) -> None:
    person, now = house.contact(), house.clock.now()
    house.receive(said("start", "STOP", at=now - timedelta(days=1)))
    with house.store.begin() as tx:
        yes = ConsentEntry(person, Tier.MARKETING, Word.GRANTED, now, "keyword:start", "START", explicit=True)
        assert consents.record(tx, yes, now) is Word.GRANTED
    house.receive(said("late", "STOP", at=now - timedelta(hours=1)))
    assert house.value("select marketing from contacts") == "granted"
    house.receive(said("last", "STOP", at=now))
    assert house.value("select marketing from contacts") == "revoked"


def test_a_clock_that_runs_ahead_does_not_outlast_later_words(house: House) -> None:
    person, now = house.contact(), house.clock.now()
    with house.store.begin() as tx:
        ahead = ConsentEntry(
            person, Tier.MARKETING, Word.GRANTED, now + timedelta(days=9), "keyword:start", "", explicit=True
        )
        consents.record(tx, ahead, now)
    house.receive(said("stop", "stop", at=house.clock.advance(minutes=1)))
    assert house.value("select marketing from contacts") == "revoked"
    assert house.value("select max(at) <= max(recorded_at) from consents")


def test_a_word_goes_to_whoever_the_person_is_by_now(house: House) -> None:
    person, other = house.contact("+886911111111"), house.contact("+886922222222")
    with house.store.begin() as tx:
        contact_joins.take_turn(tx)
        contact_joins.join(tx, person, other, "test", house.clock.now())
    desk = Consent(house.store, ("sql",), house.clock, house.jobs)
    no = ConsentEntry(other, Tier.MARKETING, Word.REVOKED, house.clock.now(), "api:shop", "call", explicit=True)
    assert desk.record(no) is Word.REVOKED
    assert house.rows("select id, marketing from contacts") == [(person, "revoked")]
    with pytest.raises(LookupError):
        desk.record(
            ConsentEntry(10**9, *[getattr(no, name) for name in ("tier", "word", "at", "source", "proof")], True)
        )


def test_of_two_words_at_the_same_time_the_second_sees_the_first(house: House) -> None:
    """Each alone would show its own word; whichever commits last must show the heavier one."""
    person, now = house.contact(), house.clock.now()
    words = {Word.REVOKED: now, Word.GRANTED: now - timedelta(hours=1)}

    def say(word: Word) -> None:
        entry = ConsentEntry(person, Tier.MARKETING, word, words[word], "api:shop", "", explicit=True)
        house.store.run(lambda tx: consents.record(tx, entry, now))

    with house.store.begin() as tx:
        no = ConsentEntry(person, Tier.MARKETING, Word.REVOKED, now, "api:shop", "", explicit=True)
        consents.record(tx, no, now)
        yes = threading.Thread(target=say, args=[Word.GRANTED])
        yes.start()
        yes.join(0.3)
        assert yes.is_alive()
    yes.join(5)
    assert house.value("select marketing from contacts") == "revoked"
    assert house.value("select count(*) from consents") == 2


# Append-only


def test_no_statement_of_ours_changes_a_word() -> None:
    """What may touch rows of the ledger: joins and separations (whose it is), a contact that is no more, an erasure."""
    touching = re.compile(
        r"(update consents|delete from consents|consents\.update\(|consents\.delete\(|update\(consents)"
    )
    found = {
        path.name
        for path in (ROOT / "syncer").rglob("*.py")
        if touching.search(path.read_text(encoding="utf-8")) and "migrations" not in path.parts
    }
    assert found <= {"contact_separation.py", "row_separation.py"}


# A stop is faster than what was planned


@pytest.fixture
def campaigns(house: House) -> Campaigns:
    book = TemplateBook(Templates(), {("sale", "zh_TW"): OFFER}, "Formosa Tea", ("zh_TW",))
    return Campaigns(house.store, house.clock, house.jobs, book, NUMBER)


def courted(house: House, campaigns: Campaigns, count: int = 3) -> tuple[list[int], int]:
    """People who want offers, and the batch that brings them one."""
    people = [house.contact(f"+8869123456{number:02d}", marketing="granted") for number in range(78, 78 + count)]
    campaigns.plan("sale", "sale", "zh_TW", [Recipient(person, ("王小明",)) for person in people])
    batch = house.jobs.rung[-1][1]
    assert batch is not None
    return people, batch


class InterruptedThrottle:
    """A limiter that takes its time: something happens between the claim and the send."""

    def __init__(self, happening: object) -> None:
        self.happening = happening

    def take(self, phone_number_id: str, wanted: int, lane: Lane) -> Grant:
        happening, self.happening = self.happening, lambda: None
        happening()  # type: ignore[operator]
        return Grant(wanted, 0.0)

    def give_back(self, phone_number_id: str, count: int) -> None:
        """Nothing is counted."""

    def slow_down(self, phone_number_id: str, seconds: float) -> None:
        """Nor slowed."""


def test_a_stop_between_claim_and_send_stops_the_send(house: House, campaigns: Campaigns) -> None:
    people, batch = courted(house, campaigns)
    stop = said("w1", "STOP", phone="+886912345678", at=house.clock.now())
    object.__setattr__(house.sending, "throttle", InterruptedThrottle(lambda: house.receive(stop)))
    house.sending.send_batch(house.worker, batch)
    sent = {row.contact_id: (row.state, row.reason) for row in house.rows("select * from outgoing where batch_id > 0")}
    assert sent.pop(people[0]) == ("skipped", "no_marketing_consent")
    assert set(sent.values()) == {("accepted", None)}
    assert "+886912345678" not in {request.to for request in house.messenger.accepted.values()}
    assert house.value("select state from campaigns") == "done"


def test_a_live_offer_is_stopped_in_the_same_way(house: House) -> None:
    person = house.contact(marketing="granted")
    planned = house.plan(person, "k1", category="marketing")
    stop = said("w1", "停止", at=house.clock.now())
    object.__setattr__(house.sending, "throttle", InterruptedThrottle(lambda: house.receive(stop)))
    house.sending.drain_live(house.worker)
    assert house.send_state(planned) == ("skipped", "no_marketing_consent")
    assert {request.category for request in house.messenger.accepted.values()} == {"service"}


@contextmanager
def claiming(house: House, batch: int) -> Iterator[list[int]]:
    """In the middle of a claim: admission has asked, and nothing is committed."""
    with house.store.begin() as tx:
        rows = claims.claim(
            tx,
            outgoing.BULK,
            house.worker,
            now=house.clock.now(),
            lease_seconds=60,
            limit=10,
            where="r.batch_id = :batch",
            values={"batch": batch},
        )
        sifted = house.sending.admission.sift(tx, house.worker, rows, house.clock.now())
        yield list(sifted.admitted)


def test_a_stop_while_admission_asks_waits_for_its_answer_and_takes_it_back(house: House, campaigns: Campaigns) -> None:
    """Otherwise the claim, not yet to be seen, would be missed, and its answer would be of before the stop."""
    _, batch = courted(house, campaigns, count=1)
    stop = threading.Thread(target=lambda: house.receive(said("w1", "STOP", at=house.clock.now())))
    with claiming(house, batch) as admitted:
        stop.start()
        stop.join(0.3)
        assert stop.is_alive()
        assert len(admitted) == 1
    stop.join(5)
    with house.store.begin() as tx:
        assert outgoing.start_sending(tx, house.worker, admitted, house.clock.now(), house.clock.now()) == []
    house.sending.send_batch(house.worker, batch)
    assert house.send_state(admitted[0]) == ("skipped", "no_marketing_consent")
    assert house.messenger.accepted == {}


def test_admission_that_asks_while_a_stop_is_being_heard_waits_for_it(house: House, campaigns: Campaigns) -> None:
    people, batch = courted(house, campaigns, count=1)
    now = house.clock.now()
    send = threading.Thread(target=lambda: house.sending.send_batch(house.worker, batch))
    with house.store.begin() as tx:
        no = ConsentEntry(people[0], Tier.MARKETING, Word.REVOKED, now, "keyword:stop", "STOP", explicit=True)
        consents.record(tx, no, now)
        send.start()
        send.join(0.3)
        assert send.is_alive()
    send.join(5)
    assert house.messenger.accepted == {}


def test_a_yes_calls_nothing_back(house: House, campaigns: Campaigns) -> None:
    people, batch = courted(house, campaigns, count=1)
    yes = ConsentEntry(people[0], Tier.MARKETING, Word.GRANTED, house.clock.now(), "api:shop", "", explicit=True)
    desk = Consent(house.store, ("sql",), house.clock, house.jobs)
    object.__setattr__(house.sending, "throttle", InterruptedThrottle(lambda: desk.record(yes)))
    house.sending.send_batch(house.worker, batch)
    assert len(house.messenger.accepted) == 1
    assert house.value("select attempts from outgoing") == 1


def test_the_database_itself_lets_no_word_be_changed(store: Store) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    with store.begin() as tx:
        person = recognition.resolve(tx, [Sender(phone="+886911111111")], now)[Sender(phone="+886911111111")]
        consents.record(tx, ConsentEntry(person, Tier.MARKETING, Word.REVOKED, now, "form", "signed", True), now)
    with pytest.raises(DBAPIError, match="never changed"), store.begin() as tx:
        tx.execute(text("update consents set word = 'granted'"))
