"""A campaign that meets trouble on its way - a restricted number, a paused template, a locked account, a new token - is
sent in the end, each message once (R12, R13, R16)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.web_server import ENVIRONMENT
from tests.integration.whatsapp_round_trip.engine import BACKUP, PRIMARY, Engine

RECIPIENTS = 200
FAST = {"provider_per_second": 1000, "enterprise_per_minute": 100_000, "send.batch_size": 50}
TEMPLATE = {"name": "order_confirmation", "language": "zh_TW"}
LOCKED = {"event": "DISABLED_UPDATE"}
REINSTATED = {**LOCKED, "value": {"ban_info": {"waba_ban_state": "REINSTATE"}}}


@pytest.fixture
def engine(engine_with: Any) -> Engine:
    """Its worker sends a batch when the test says so."""
    made: Engine = engine_with(tuned=FAST)
    made.sends_batches = False
    return made


def test_a_campaign_leaves_by_the_backup_while_the_primary_is_restricted_and_returns_to_it(engine: Engine) -> None:
    first, second, third, fourth = _plan(engine)
    _send(engine, first)
    assert _by_number(engine) == {PRIMARY: 50}

    engine.control("POST", "numbers", {"id": PRIMARY, "status": "RESTRICTED"})
    _send(engine, second)
    assert _by_number(engine) == {PRIMARY: 50}, "refused before anybody has told why"
    engine.control("POST", "numbers", {"id": PRIMARY, "status": "BANNED"})
    engine.control("POST", "numbers", {"id": PRIMARY, "status": "RESTRICTED", "announce": True})
    engine.settle()
    assert {f"number:{PRIMARY}:status", "numbers:failover"} <= set(engine.open_alerts())
    _later(engine, minutes=2)
    _send(engine, second, third)
    assert _by_number(engine) == {PRIMARY: 50, BACKUP: 100}

    engine.control("POST", "numbers", {"id": PRIMARY, "status": "CONNECTED", "announce": True})
    engine.settle()
    _later(engine, minutes=6)
    _send(engine, fourth)
    assert _by_number(engine) == {PRIMARY: 100, BACKUP: 100}
    _is_whole(engine)
    assert engine.open_alerts() == []


def test_a_number_that_is_flagged_lets_the_backup_go_first(engine: Engine) -> None:
    first, second, *_ = _plan(engine)
    _send(engine, first)
    engine.control("POST", "numbers", {"id": PRIMARY, "status": "FLAGGED", "announce": True})
    engine.settle()
    _send(engine, second)
    assert _by_number(engine) == {PRIMARY: 50, BACKUP: 50}


def test_a_campaign_waits_for_its_paused_template_and_goes_on_when_it_is_approved(engine: Engine) -> None:
    first, *others = _plan(engine)
    _send(engine, first)
    engine.control("POST", "templates/pause", TEMPLATE)
    engine.settle()
    assert engine.value("select state from campaigns") == "held"
    assert engine.open_alerts() == ["template:order_confirmation:zh_TW"]
    _send(engine, *others)
    assert (len(engine.accepted()), _refusals(engine)) == (50, {})

    engine.control("POST", "templates", {"templates": [TEMPLATE | {"status": "APPROVED"}], "announce": True})
    engine.settle()
    assert engine.value("select state from campaigns") == "running"
    _send(engine, *others)
    _is_whole(engine)
    assert engine.open_alerts() == []


def test_a_template_that_the_platform_paused_without_a_word_holds_its_campaign_after_one_refusal(
    engine: Engine,
) -> None:
    first, *others = _plan(engine)
    _send(engine, first)
    engine.control("POST", "templates", {"templates": [TEMPLATE | {"status": "PAUSED"}]})
    _send(engine, *others)
    assert engine.value("select state from campaigns") == "held"
    assert "template:order_confirmation:zh_TW" in engine.open_alerts()
    assert 0 < sum(_refusals(engine).values()) <= 8, "one set, and not message by message"
    _later(engine, minutes=5)
    engine.control("POST", "templates", {"templates": [TEMPLATE | {"status": "APPROVED"}], "announce": True})
    engine.settle()
    _later(engine, minutes=2)
    _send(engine, first, *others)
    _is_whole(engine)


def test_everything_waits_with_one_alert_while_the_account_is_locked(engine: Engine) -> None:
    first, *others = _plan(engine)
    _send(engine, first)
    engine.control("POST", "account", LOCKED | {"announce": False})
    _send(engine, *others)
    reply = engine.order("k1", to={"phone": "886961000001"}, template=_notice())
    engine.settle()
    assert len(engine.accepted()) == 50
    assert engine.value("select count(*) from alerts where key = 'account:stopped'") == 1
    assert engine.value("select count(*) from dead_letters") == 0
    assert engine.message(reply)["state"] == "waiting"
    refused = sum(_refusals(engine).values())
    assert 0 < refused <= 9

    engine.control("POST", "account", LOCKED)
    engine.settle()
    _later(engine, minutes=3)
    _send(engine, *others)
    assert sum(_refusals(engine).values()) == refused, "nobody asks a platform that has said no"
    assert engine.value("select count(*) from alerts where key = 'account:stopped'") == 1

    engine.control("POST", "account", REINSTATED)
    engine.settle()
    _later(engine, minutes=2)
    _send(engine, first, *others)
    assert engine.message(reply)["status"] == "read"
    _is_whole(engine, RECIPIENTS + 1)
    assert engine.open_alerts() == []


def test_a_renewed_token_is_used_without_a_restart(
    engine_with: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """R16: the file changes, the process stays."""
    file = tmp_path / "token"
    file.write_text(ENVIRONMENT["WHATSAPP_ACCESS_TOKEN"], encoding="utf-8")
    monkeypatch.setenv("WHATSAPP_ACCESS_TOKEN_FILE", str(file))
    named = {"WHATSAPP_ACCESS_TOKEN": "", "WHATSAPP_ACCESS_TOKEN_FILE": str(file)}
    engine: Engine = engine_with(tuned=FAST, secrets=named)
    engine.sends_batches = False
    first, *others = _plan(engine)
    _send(engine, first)

    tokens = {"accept": ["EAArenewed"], "expire": [ENVIRONMENT["WHATSAPP_ACCESS_TOKEN"]]}
    engine.control("POST", "tokens", tokens)
    _send(engine, *others)
    assert len(engine.accepted()) == 50
    assert "account:credentials" in engine.open_alerts()
    file.write_text("EAArenewed", encoding="utf-8")

    def sent() -> bool:
        _later(engine, minutes=2)
        _send(engine, first, *others)
        return len(engine.accepted()) == RECIPIENTS

    engine.until(sent)
    _is_whole(engine)
    assert "account:credentials" not in engine.open_alerts()
    assert engine.value("select count(*) from dead_letters") == 0


def _notice() -> dict[str, Any]:
    return {**TEMPLATE, "parameters": ["顧客", "A1", "NT$1"]}


def _plan(engine: Engine) -> list[int]:
    """A campaign of notices to 200 people; returns its batches."""
    people = engine.people(RECIPIENTS)
    recipients = [{"contact_id": person, "parameters": ["顧客", "A1", "NT$1"]} for person in people]
    campaign = {"name": "c", "template": TEMPLATE["name"], "language": "zh_TW", "recipients": recipients}
    assert engine.api("POST", "campaigns", campaign).status_code == 202
    return engine.column("select id from batches order by position")


def _send(engine: Engine, *batches: int) -> None:
    """The worker comes by these batches, as far as they may be sent now."""
    for batch in batches:
        if batch in engine.runtime.sending.open_batches():
            engine.runtime.sending.send_batch(engine.session.number, batch)
    engine.settle()


def _later(engine: Engine, **span: float) -> None:
    """Time goes by, and what has become due is looked after. The limiter's own clock stands beside ours: its pauses are
    over too."""
    engine.clock.advance(**span)
    engine.free_throttle()
    engine.sweep()


def _by_number(engine: Engine) -> dict[str, int]:
    return dict(Counter(row["phone_number_id"] for row in engine.accepted()))


def _refusals(engine: Engine) -> dict[int, int]:
    return dict(Counter(row["code"] for row in engine.control("GET", "log/sends")["refused"]))


def _is_whole(engine: Engine, count: int = RECIPIENTS) -> None:
    """Every message was taken once, and both sides say so."""
    rows = engine.rows("select * from outgoing")
    taken = {row["wamid"]: row["phone_number_id"] for row in engine.accepted()}
    assert Counter(row.state for row in rows) == {"accepted": count}
    assert {row.wamid: row.phone_number_id for row in rows} == taken
    assert len(taken) == len(engine.accepted()) == count
    assert engine.control("GET", "stats?recipients=0")["doubled_callback_data"] == {}
    assert Counter(record.status for record in engine.recorded().values()) == {"read": count}
    assert engine.value("select state from campaigns") == "done"
