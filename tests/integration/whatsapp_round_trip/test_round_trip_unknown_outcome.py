"""Sends whose answer never comes are settled by evidence: none doubled, none lost, each with its fate (X1, law 6)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from syncer.domain.callback import ref_of
from syncer.store import claims
from syncer.store.inbox import INBOX
from syncer.store.workers import WorkerSession
from tests.fakes.whatsapp_bench import until
from tests.integration.web_server import altered
from tests.integration.whatsapp_round_trip.engine import Engine, template

#: A real time-out, short enough for a test, and as many requests side by side as keep it so.
HASTY = {
    "whatsapp.timeout_seconds": 0.4,
    "connect_timeout_seconds": 0.4,
    "send.concurrency": 50,
    "provider_per_second": 1000,
    "enterprise_per_minute": 100_000,
}
SENDS, OF_MARKETING = 500, 50
NOTICE = template("order_confirmation", "顧客", "A1", "NT$1")


def test_500_sends_of_which_a_tenth_hang_after_acceptance_are_each_sent_once_and_settled(engine_with: Any) -> None:
    engine: Engine = engine_with(tuned=HASTY)
    engine.control("POST", "faults", _hang("after_accept", 0.1))
    _plan(engine, engine.people(SENDS, marketing="granted"))
    engine.settle(40)

    hung = engine.control("GET", "faults")["faults"][0]["hits"]
    assert hung >= SENDS * 0.05, "the fault was in force"
    assert _told_apart(engine) == {"accepted": SENDS}
    _compare_one_by_one(engine, doubled=0)
    assert {record.status for record in engine.recorded().values()} == {"read"}
    assert len(engine.recorded()) == SENDS
    assert engine.value("select count(*) from retries where subject = 'outgoing'") == 0


def test_while_the_channel_is_silent_nothing_is_sent_again_and_then_only_what_was_never_taken(
    engine_with: Any,
) -> None:
    """A tenth hangs after acceptance, a twentieth before, and the platform tells nothing for a while."""
    engine: Engine = engine_with(tuned=HASTY)
    engine.control("POST", "faults", {"route": "callbacks", "kind": "pause"})
    faults = {"faults": [_hang("after_accept", 0.1), _hang("before_accept", 0.05)]}
    after, before = engine.control("POST", "faults", faults)["faults"][1:]
    _plan(engine, engine.people(SENDS, marketing="granted"))
    engine.settle_ours(40)
    hits = {row["id"]: row["hits"] for row in engine.control("GET", "faults")["faults"]}
    for fault in (after, before):
        engine.control("DELETE", f"faults?id={fault['id']}")
    assert hits[after["id"]] >= SENDS * 0.05
    assert hits[before["id"]] >= SENDS * 0.02
    untaken = _never_taken(engine)
    assert untaken

    in_doubt = _told_apart(engine)["unknown"]
    assert in_doubt >= len(untaken)
    taken = len(engine.accepted())
    for _ in range(3):
        engine.clock.advance(seconds=31)
        engine.sweep()
        engine.settle_ours()
    assert (_told_apart(engine)["unknown"], len(engine.accepted())) == (in_doubt, taken), "silence proves nothing"

    engine.control("DELETE", "faults")
    engine.settle(30)
    assert set(engine.column("select id from outgoing where state = 'unknown'")) == set(untaken), (
        "echoes settle the rest"
    )
    # What left last has no later echo until others have been sent again, and been heard of.
    for _ in range(4):
        engine.clock.advance(seconds=31)
        engine.sweep()
        engine.settle(30)

    of_marketing = {key for key, category in untaken.items() if category == "marketing"}
    assert set(engine.column("select id from outgoing where state = 'unknown'")) == of_marketing
    letters = engine.rows("select subject_id, reason from dead_letters where subject = 'outgoing'")
    assert {row.subject_id for row in letters} == of_marketing
    assert {row.reason for row in letters} <= {"a marketing message is never sent again without a person"}
    again = {key for key in untaken if key not in of_marketing}
    attempts = dict(tuple(row) for row in engine.rows("select id, attempts from outgoing"))
    assert {key for key, count in attempts.items() if count == 2} == again, "again exactly once, and nobody else"
    _compare_one_by_one(engine, doubled=0, missing=of_marketing)


def test_an_echo_that_waits_in_our_own_inbox_is_no_silence(engine_with: Any) -> None:
    """After an outage much is told at once. One worker has taken the echo and has not come to it yet; the other has
    heard the echo of a later message."""
    engine: Engine = engine_with(tuned=HASTY)
    engine.control("POST", "faults", {"route": "callbacks", "kind": "pause"})
    engine.control("POST", "faults", _hang("after_accept", 1.0) | {"count": 1})
    doubtful = engine.order("k1", to={"phone": "886951000001"}, template=NOTICE)
    engine.settle_ours()
    later = engine.order("k2", to={"phone": "886951000002"}, template=NOTICE)
    engine.settle_ours()
    assert (engine.message(doubtful)["state"], engine.message(later)["state"]) == ("unknown", "accepted")

    engine.control("DELETE", "faults")
    until(lambda: engine.quiet())
    busy = WorkerSession(engine.runtime.store, "busy", engine.clock)
    with engine.runtime.store.begin() as tx:
        now = engine.clock.now()
        mine = "position((select ref from outgoing where id = :id) in r.payload) > 0"
        values = {"id": doubtful}
        taken = claims.claim(tx, INBOX, busy.number, now=now, lease_seconds=60, limit=9, where=mine, values=values)
    assert taken
    engine.runtime.intake.drain(engine.session.number)
    assert engine.message(later)["status"] == "read"
    engine.clock.advance(seconds=31)
    engine.sweep()
    busy.close()
    engine.settle()
    assert engine.message(doubtful)["status"] == "read"
    assert len(engine.accepted()) == 2, "the customer got it twice"


def test_an_echo_that_we_turned_away_is_no_silence(engine_with: Any) -> None:
    """What the platform told while nothing could be stored it tells again later, and what is new it tells at once."""
    engine: Engine = engine_with(tuned=HASTY)
    engine.control("POST", "settings", {"callbacks": {"retry_gaps": [2.0]}})
    engine.control("POST", "faults", _hang("after_accept", 1.0) | {"count": 1})
    with altered(engine.runtime.store, "alter table inbox rename to away", "alter table away rename to inbox"):
        doubtful = engine.order("k1", to={"phone": "886951000001"}, template=NOTICE)
        engine.runtime.sending.drain_live(engine.session.number)
        until(lambda: any(attempt["status"] != 200 for attempt in engine.control("GET", "log/callbacks")["attempts"]))
    later = engine.order("k2", to={"phone": "886951000002"}, template=NOTICE)
    engine.until(lambda: engine.message(later)["status"] == "read")
    assert engine.message(doubtful)["state"] == "unknown"

    engine.clock.advance(seconds=31)
    engine.sweep()
    assert engine.message(doubtful)["state"] == "unknown", "its echo may be on its way once more"
    engine.settle()
    assert engine.message(doubtful)["status"] == "read"
    assert len(engine.accepted()) == 2, "the customer got it twice"


def _hang(moment: str, share: float) -> dict[str, Any]:
    return {"route": "messages", "kind": "hang", "moment": moment, "share": share}


def _plan(engine: Engine, people: list[int]) -> None:
    """A campaign of notices, and a smaller one of marketing."""
    for name, values, part in (
        ("order_confirmation", ["顧客", "A1", "NT$1"], people[OF_MARKETING:]),
        ("promotion_offer", ["顧客", "85 折", "週日"], people[:OF_MARKETING]),
    ):
        recipients = [{"contact_id": person, "parameters": values} for person in part]
        campaign = {"name": name, "template": name, "language": "zh_TW", "recipients": recipients}
        assert engine.api("POST", "campaigns", campaign).status_code == 202


def _told_apart(engine: Engine) -> Counter[str]:
    return Counter(dict(tuple(row) for row in engine.rows("select state, count(*) from outgoing group by 1")))


def _never_taken(engine: Engine) -> dict[int, str]:
    """Our messages that the platform's own log does not have: number and category."""
    taken = {ref_of(row["biz_opaque_callback_data"]) for row in engine.accepted()}
    rows = engine.rows("select id, ref, category from outgoing")
    return {row.id: row.category for row in rows if row.ref not in taken}


def _compare_one_by_one(engine: Engine, *, doubled: int, missing: set[int] | None = None) -> None:
    """The platform's log against our table: the same messages, the same names, each once."""
    taken: dict[str | None, list[str]] = {}
    for row in engine.accepted():
        taken.setdefault(ref_of(row["biz_opaque_callback_data"]), []).append(row["wamid"])
    ours = engine.rows("select id, ref, wamid, state from outgoing")
    assert len(ours) == SENDS
    assert sum(len(wamids) > 1 for wamids in taken.values()) == doubled
    assert set(taken) == {row.ref for row in ours if row.id not in (missing or set())}
    wrong = [row for row in ours if row.ref in taken and (row.state, [row.wamid]) != ("accepted", taken[row.ref])]
    assert wrong == []
