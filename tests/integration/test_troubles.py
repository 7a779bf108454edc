"""What a refusal says beyond its message: the person, the template, the number, the account - each told once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.errors import (
    DeliveryError,
    FixCredentials,
    OptedOut,
    PauseNumber,
    PauseTemplate,
    StopAccount,
    TryLater,
    WrongTemplate,
)
from syncer.domain.message import SendRequest
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House


def refuse(house: House, error: DeliveryError, count: int = 3, **changes: Any) -> list[int]:
    """Plan messages to as many people, all of which the platform refuses so."""

    def no(request: SendRequest) -> None:
        raise error

    ids = [house.plan(house.contact(f"+8869111111{n:02}"), f"k{n}", **changes) for n in range(count)]
    house.messenger.on_send = no
    house.sending.drain_live(house.worker)
    return ids


def allow(house: House) -> None:
    house.messenger.on_send = lambda request: None
    house.recovery.sweep()
    house.sending.drain_live(house.worker)


def keys(house: House) -> list[str]:
    return sorted(row.key for row in house.rows("select key from alerts where ended_at is null"))


def states(house: House) -> list[str]:
    return [row.state for row in house.rows("select state from outgoing order by id")]


def test_who_stopped_marketing_is_in_the_ledger_and_not_tried_again(house: House) -> None:
    person = house.contact("+886911111100", marketing="granted")
    refuse(house, OptedOut("user stopped", code="131050"), 1, category="marketing")
    assert states(house) == ["failed"]
    assert house.value("select marketing from contacts where id = :id", id=person) == "revoked"
    entry = house.rows("select word, source, explicit from consents")[0]
    assert entry == ("revoked", "whatsapp:refusal", True)
    house.crm_writes.drain(house.worker)
    assert house.rows("select 1 from dead_letters") == []


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (FixCredentials("token expired", code="190"), "account:credentials"),
        (StopAccount("locked", code="131031"), "account"),
        (PauseNumber("spam", code="131048"), f"number:{NUMBER}"),
    ],
)
def test_everybodys_trouble_is_one_alert_and_nobody_fails_for_it(house: House, error: DeliveryError, key: str) -> None:
    refuse(house, error)
    found = keys(house)
    assert len(found) == 1
    assert found[0].startswith(key)
    assert set(states(house)) == {"waiting"}
    assert house.rows("select 1 from dead_letters") == []
    assert house.value("select max(attempts) from outgoing") == 0, "waiting is not failing"


def test_when_the_trouble_is_over_everything_leaves_once(house: House) -> None:
    refuse(house, StopAccount("locked", code="131031"))
    house.clock.advance(hours=2)
    allow(house)
    assert states(house) == ["accepted"] * 3
    assert len(house.messenger.accepted) == 3


@pytest.mark.parametrize("error", [PauseTemplate("paused", code="132015"), WrongTemplate("count", code="132000")])
def test_a_template_that_is_refused_is_an_alert_of_the_templates(house: House, error: DeliveryError) -> None:
    refuse(house, error)
    assert keys(house) == ["template:order_confirmation:zh_TW"]


def test_a_wrong_template_fails_its_messages_and_a_paused_one_lets_them_wait(house: House) -> None:
    refuse(house, WrongTemplate("count", code="132000"), 1)
    assert states(house)[0] == "failed"
    with house.store.begin() as tx:
        tx.execute(text("delete from templates"))
    house.plan(house.contact("+886922222222"), "other")
    house.messenger.on_send = _raise(PauseTemplate("paused", code="132015"))
    house.sending.drain_live(house.worker)
    assert states(house)[1] == "waiting"


def test_a_short_throttle_slows_the_number_and_is_no_alert(house: House) -> None:
    refuse(house, TryLater("130429", code="130429", wait_seconds=2))
    assert keys(house) == []
    assert set(house.throttle.slowed) == {NUMBER}


def _raise(error: DeliveryError) -> Any:
    def no(request: SendRequest) -> None:
        raise error

    return no
