"""The business numbers: what the platform says of them is known at once, and messages go where they can (R11, R12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event

from syncer.domain.errors import DeliveryError, Never, PauseNumber, StopAccount, TryLater
from syncer.domain.message import Category
from syncer.domain.notice import NumberNotice
from syncer.flows.number_watch import NumberWatch
from syncer.flows.numbers import PROBE
from syncer.policies.failover import SETTLED, Leave, Parcel, SendsBy, Wait
from syncer.store import numbers
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.numbers_desk import BACKUP, PRIMARY, NumbersDesk, open_desk

REPLY = "reply"


@pytest.fixture
def desk(store: Store, clock: FakeClock, jobs: RecordingJobs) -> Iterator[NumbersDesk]:
    desk = open_desk(store, clock, jobs)
    yield desk
    desk.close()


def heed(desk: NumbersDesk, *errors: DeliveryError, number: str = PRIMARY) -> set[str]:
    with desk.store.begin() as tx:
        return desk.numbers.heed(tx, [(number, error) for error in errors], desk.clock.now())


def reply(desk: NumbersDesk) -> Parcel:
    """An answer to a customer who wrote to the primary a moment ago."""
    return Parcel(PRIMARY, Category.SERVICE, True, {PRIMARY: desk.clock.now() + timedelta(hours=24)})


# What the platform says


def test_a_look_enters_every_number_with_its_state(desk: NumbersDesk) -> None:
    assert desk.watch.check()
    row = desk.row()
    assert (row.status, row.quality, row.can_send, row.name_status) == ("CONNECTED", "GREEN", "AVAILABLE", "APPROVED")
    assert row.display_phone_number == "886255501000"
    assert row.messaging_limit == 100_000
    assert row.checked_at == desk.clock.now()
    assert desk.row(BACKUP).status == "CONNECTED"
    assert desk.troubles() == {}


def test_a_restricted_primary_is_replaced_by_the_backup_and_comes_back_when_it_has_settled(desk: NumbersDesk) -> None:
    desk.watch.check()
    assert desk.goes_by() == PRIMARY
    assert desk.number(PRIMARY, status="RESTRICTED") == {"upkeep"}
    desk.watch.check()
    assert desk.goes_by() == BACKUP
    assert desk.troubles()[f"number:{PRIMARY}:status"] == "critical"
    assert "numbers:failover" in desk.troubles()

    desk.number(PRIMARY, status="CONNECTED")
    desk.watch.check()
    assert desk.goes_by() == BACKUP
    assert f"number:{PRIMARY}:status" not in desk.troubles()
    desk.clock.advance(seconds=SETTLED.total_seconds())
    assert desk.goes_by() == PRIMARY
    desk.watch.check()
    assert "numbers:failover" not in desk.troubles()


@pytest.mark.parametrize("status", ["BANNED", "DISCONNECTED", "PENDING"])
def test_a_number_that_fell_silent_without_a_notice_is_noticed_by_looking(desk: NumbersDesk, status: str) -> None:
    desk.watch.check()
    desk.control("POST", "numbers", {"id": PRIMARY, "status": status})
    desk.watch.check()
    assert desk.goes_by() == BACKUP


def test_a_flagged_number_is_known_from_the_notice_alone(desk: NumbersDesk) -> None:
    desk.watch.check()
    desk.number(PRIMARY, status="FLAGGED")
    assert (desk.row().status, desk.goes_by(), desk.goes_by(reply(desk))) == ("FLAGGED", BACKUP, PRIMARY)
    assert desk.troubles()[f"number:{PRIMARY}:status"] == "warning"
    desk.number(PRIMARY, status="CONNECTED")
    assert desk.row().status == "CONNECTED"


def test_bad_quality_is_an_alert_until_it_is_better(desk: NumbersDesk) -> None:
    for quality, alarmed in (("RED", True), ("YELLOW", False)):
        desk.control("POST", "numbers", {"id": PRIMARY, "quality_rating": quality})
        desk.watch.check()
        assert (f"number:{PRIMARY}:quality" in desk.troubles()) == alarmed


def test_a_rejected_display_name_is_an_alert_until_one_is_approved(desk: NumbersDesk) -> None:
    desk.watch.check()
    for verdict, alarmed in (("REJECTED", True), ("APPROVED", False)):
        desk.control(
            "POST", "reviews", {"rules": [{"of": "display_name", "verdict": verdict, "seconds": 0, "count": 1}]}
        )
        before = len(desk.receiver.bodies)
        desk.messenger.rename(PRIMARY, "Formosa Tea House")
        desk.receiver.wait(lambda before=before: len(desk.receiver.bodies) > before)
        desk.hear(desk.receiver.bodies[before:])
        assert (f"number:{PRIMARY}:rename" in desk.troubles()) == alarmed
    assert desk.row().verified_name == "Formosa Tea House"


def test_a_lower_messaging_limit_is_known_for_all_numbers_and_an_alert_until_it_rises(desk: NumbersDesk) -> None:
    desk.watch.check()
    desk.platform_says("POST", "capability", {"messaging_limit": 2000})
    assert (desk.row().messaging_limit, desk.row(BACKUP).messaging_limit) == (2000, 2000)
    assert "account:messaging_limit" in desk.troubles()
    desk.platform_says("POST", "capability", {"messaging_limit": 0})
    assert desk.row().messaging_limit is None
    assert "account:messaging_limit" not in desk.troubles()


def test_a_notice_older_than_our_last_look_changes_nothing(desk: NumbersDesk) -> None:
    desk.watch.check()
    old = NumberNotice("886255501000", desk.clock.now() - timedelta(hours=2), "FLAGGED")
    with desk.store.begin() as tx:
        assert desk.numbers.apply(tx, [old], desk.clock.now()) == {"upkeep"}
    assert desk.row().status == "CONNECTED"


def test_a_notice_before_the_first_look_is_no_error(desk: NumbersDesk) -> None:
    assert desk.number(PRIMARY, status="RESTRICTED") == {"upkeep"}
    assert desk.goes_by() == PRIMARY


def test_without_the_accounts_id_our_own_numbers_are_asked_for(desk: NumbersDesk) -> None:
    watch = NumberWatch(desk.store, desk.messenger, desk.numbers, desk.clock, whole_account=False)
    assert watch.check()
    assert desk.row(BACKUP).status == "CONNECTED"


def test_a_platform_that_does_not_answer_changes_nothing(desk: NumbersDesk) -> None:
    desk.watch.check()
    before = desk.row()
    desk.simulator.stop()
    desk.clock.advance(minutes=3)
    assert not desk.watch.check()
    assert desk.row() == before
    assert desk.troubles() == {}


def test_a_refused_token_is_an_alert_until_the_numbers_can_be_read_again(desk: NumbersDesk) -> None:
    token = desk.config.access_token
    for order, answered in (({"expire": [token]}, False), ({"accept": [token]}, True)):
        desk.control("POST", "tokens", order)
        assert desk.watch.check() == answered
        assert ("numbers:unreadable" in desk.troubles()) != answered


def test_a_worker_looks_by_itself_when_nobody_has_for_long(desk: NumbersDesk) -> None:
    looks = []
    desk.watch.check = lambda: looks.append(desk.clock.now()) or NumberWatch.check(desk.watch)  # type: ignore[method-assign]
    desk.watch.check_if_late()
    desk.watch.check_if_late()
    for _ in range(7):
        desk.clock.advance(minutes=1)
        desk.watch.check_if_late()
    assert len(looks) == 2


def test_a_worker_looks_by_itself_when_refusals_have_held_a_number(desk: NumbersDesk) -> None:
    desk.watch.check()
    desk.clock.advance(seconds=10)
    desk.watch.check_if_late()
    looked_at = desk.row().checked_at
    assert looked_at < desk.clock.now()
    for error in (StopAccount("locked", code="131031"), PauseNumber("not registered", code="133010")):
        desk.clock.advance(seconds=10)
        heed(desk, error)
        desk.clock.advance(seconds=10)
        desk.watch.check_if_late()
        assert (desk.row().checked_at, desk.goes_by(reply(desk))) == (desk.clock.now(), PRIMARY)


# What refusals say


def test_a_number_that_is_not_registered_is_paused_until_a_look_shows_it_well(desk: NumbersDesk) -> None:
    desk.control("POST", "numbers", {"id": PRIMARY, "status": "DISCONNECTED"})
    assert heed(desk, PauseNumber("not registered", code="133010"), Never("odd", code="100")) == {"upkeep"}
    assert desk.goes_by() == BACKUP
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert desk.row().paused_until is not None
    desk.control("POST", "numbers", {"id": PRIMARY, "status": "CONNECTED"})
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert desk.row().paused_until is None
    assert f"number:{PRIMARY}:paused" not in desk.troubles()
    desk.clock.advance(seconds=SETTLED.total_seconds())
    assert desk.goes_by() == PRIMARY


def test_a_number_whose_pause_a_look_has_ended_settles_before_templates_return(desk: NumbersDesk) -> None:
    desk.watch.check()
    heed(desk, PauseNumber("not registered", code="133010"))
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert (desk.row().paused_until, desk.goes_by(), desk.goes_by(reply(desk))) == (None, BACKUP, PRIMARY)
    desk.clock.advance(seconds=SETTLED.total_seconds())
    assert desk.goes_by() == PRIMARY


def test_a_pause_younger_than_the_question_is_not_ended_by_the_answer(desk: NumbersDesk) -> None:
    desk.watch.check()
    asked = desk.messenger.phone_numbers

    def slow() -> Any:
        states = asked()
        desk.clock.advance(seconds=1)
        heed(desk, PauseNumber("not registered", code="133010"))
        desk.clock.advance(seconds=1)
        return states

    desk.messenger.phone_numbers = slow  # type: ignore[method-assign]
    desk.watch.check()
    assert desk.row().paused_until is not None


def test_a_spam_restriction_holds_templates_but_not_replies_and_looking_well_does_not_end_it(desk: NumbersDesk) -> None:
    desk.watch.check()
    heed(desk, PauseNumber("too many reports", code="131048"))
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert desk.row().paused_until is not None
    assert (desk.goes_by(), desk.goes_by(reply(desk))) == (BACKUP, PRIMARY)
    desk.clock.advance(seconds=(PROBE + SETTLED).total_seconds())
    assert desk.goes_by() == PRIMARY
    desk.watch.check()
    assert f"number:{PRIMARY}:paused" not in desk.troubles()


def test_a_spam_restriction_that_the_platform_lifts_is_over(desk: NumbersDesk) -> None:
    blocks = desk.control("POST", "blocks", {"code": 131048, "phone_number_id": PRIMARY})["blocks"]
    heed(desk, PauseNumber("too many reports", code="131048"))
    desk.watch.check()
    assert desk.row().can_send == "BLOCKED"
    desk.control("DELETE", f"blocks?id={blocks[0]['id']}")
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert desk.row().paused_until is None


def test_a_person_ends_a_pause_and_the_number_sends_at_once(desk: NumbersDesk) -> None:
    desk.watch.check()
    heed(desk, PauseNumber("too many reports", code="131048"))
    with desk.store.begin() as tx:
        assert desk.numbers.resume(tx, desk.clock.now(), PRIMARY)
        assert not desk.numbers.resume(tx, desk.clock.now(), PRIMARY)
    assert desk.goes_by() == PRIMARY
    assert desk.troubles() == {}


def test_a_long_wait_moves_templates_and_a_short_one_nothing(desk: NumbersDesk) -> None:
    heed(desk, TryLater("slow down", code="130429", wait_seconds=59))
    assert desk.goes_by() == PRIMARY
    heed(desk, TryLater("one person", code="131056", wait_seconds=600, scope="item"))
    assert desk.goes_by() == PRIMARY
    heed(desk, TryLater("slow down", code="130429", wait_seconds=600))
    assert (desk.goes_by(), desk.goes_by(reply(desk))) == (BACKUP, PRIMARY)
    desk.clock.advance(seconds=601)
    assert desk.goes_by() == PRIMARY


def test_a_limit_of_the_whole_account_holds_every_number_for_minutes(desk: NumbersDesk) -> None:
    heed(desk, TryLater("too many calls", code="4", wait_seconds=3600))
    assert isinstance(desk.way(), Wait)
    assert isinstance(desk.way(reply(desk)), Wait)
    desk.clock.advance(minutes=5)
    assert desk.goes_by() == PRIMARY


def test_a_blocked_account_sends_nothing_until_the_platform_shows_it_free(desk: NumbersDesk) -> None:
    blocks = desk.control("POST", "blocks", {"code": 131042})["blocks"]
    heed(desk, StopAccount("payment", code="131042"))
    assert desk.troubles()["account:stopped"] == "critical"
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert isinstance(desk.way(reply(desk)), Wait)
    assert desk.line().stopped_reason == "131042: payment"
    desk.control("DELETE", f"blocks?id={blocks[0]['id']}")
    desk.clock.advance(seconds=10)
    desk.watch.check()
    assert desk.goes_by(reply(desk)) == PRIMARY
    assert "account:stopped" not in desk.troubles()


def test_a_blocked_account_is_tried_again_every_hour(desk: NumbersDesk) -> None:
    for _ in range(3):
        heed(desk, StopAccount("payment", code="131042"))
        assert desk.goes_by() is None
        desk.clock.advance(seconds=PROBE.total_seconds())
        assert desk.goes_by() == PRIMARY


def test_a_disabled_account_stops_by_notice_and_goes_on_when_it_is_reinstated(desk: NumbersDesk) -> None:
    desk.watch.check()
    desk.platform_says("POST", "account", {"event": "DISABLED_UPDATE"})
    assert desk.goes_by() is None
    desk.clock.advance(days=2)
    assert desk.goes_by() is None
    value = {"ban_info": {"waba_ban_state": "REINSTATE"}}
    desk.platform_says("POST", "account", {"event": "DISABLED_UPDATE", "value": value, "code": 0})
    desk.watch.check()
    desk.clock.advance(seconds=SETTLED.total_seconds())
    assert desk.goes_by() == PRIMARY
    assert {key for key in desk.troubles() if key.startswith("account")} == set()


# Routing


def rows(*parts: tuple[int, str, str]) -> list[Any]:
    return [
        SimpleNamespace(
            id=key,
            contact_id=key,
            phone_number_id=number,
            kind="text" if kind == REPLY else "template",
            category="service" if kind == REPLY else kind,
        )
        for key, number, kind in parts
    ]


def test_a_whole_set_is_routed_with_one_query(desk: NumbersDesk) -> None:
    desk.watch.check()
    with desk.store.begin() as tx:
        numbers.save(tx, [{"phone_number_id": PRIMARY, "status": "RESTRICTED", "changed_at": desk.clock.now()}])
    until = desk.clock.now() + timedelta(hours=1)
    wanted = rows((1, PRIMARY, "utility"), (2, PRIMARY, REPLY), (3, BACKUP, REPLY), (4, PRIMARY, REPLY))
    asked: list[str] = []
    event.listen(desk.store.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with desk.store.begin() as tx:
        ways = desk.numbers.route(tx, wanted, {(2, BACKUP): until, (3, BACKUP): until}, desk.clock.now())
    assert len(asked) == 1
    assert {key: (way.by, way.as_template) for key, way in ways.items() if isinstance(way, Leave)} == {
        1: (BACKUP, False),
        2: (BACKUP, False),
        3: (BACKUP, False),
        4: (BACKUP, True),
    }


def test_a_persons_order_is_kept_with_their_name(desk: NumbersDesk) -> None:
    with desk.store.begin() as tx:
        desk.numbers.direct(tx, SendsBy.BACKUP, "mei", desk.clock.now())
        account = numbers.the_account(tx)
    assert account is not None
    assert (account.sends_by, account.sends_by_who, account.sends_by_at) == ("backup", "mei", desk.clock.now())
    assert desk.goes_by() == BACKUP
    with desk.store.begin() as tx:
        desk.numbers.direct(tx, SendsBy.AUTO, "mei", desk.clock.now())
    assert desk.goes_by() == PRIMARY
    assert desk.troubles() == {}
