"""A thousand statuses in random order, a fifth of them twice and a twentieth before their message, through the real
door in deliveries of any size: all final states are right, and none is lost (X2)."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncer.store.workers import WorkerSession
from tests.fakes.whatsapp_bench import until
from tests.integration.web_server import deliver
from tests.integration.whatsapp_round_trip.engine import PRIMARY, Engine

STATUSES, DOUBLED, EARLY = 1_000, 200, 50
#: What may be told of one message, and what it then is: computed here without the engine's own ladder.
JOURNEYS = (
    (("sent",), "sent"),
    (("sent", "delivered"), "delivered"),
    (("sent", "delivered", "read"), "read"),
    (("sent", "delivered", "read", "played"), "played"),
    (("sent", "read"), "read"),
    (("read",), "read"),
    (("sent", "failed"), "failed"),
    (("failed",), "failed"),
    (("failed", "delivered"), "delivered"),
    (("sent", "delivered", "failed"), "delivered"),
)
#: No limit of ours, one set for all that are told of early, and more patience with a slow answer than a test needs.
_FAST = {
    "provider_per_second": 1000,
    "enterprise_per_minute": 100_000,
    "send.concurrency": 60,
    "whatsapp.timeout_seconds": 20,
}
BEGAN = 1_795_000_000


@dataclass(frozen=True)
class Told:
    """One status."""

    wamid: str
    status: str
    at: int

    def body(self) -> dict[str, Any]:
        """As the platform writes it. Our mark is left out: only the wamid says which message it is about."""
        error = {"code": 131000, "title": "Something went wrong"}
        return {
            "id": self.wamid,
            "status": self.status,
            "timestamp": str(self.at),
            "recipient_id": "886912345678",
            **({"errors": [error]} if self.status == "failed" else {}),
        }


def test_a_thousand_statuses_in_any_order_leave_every_message_as_it_is(engine_with: Any) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    engine: Engine = engine_with(tuned=_FAST)
    engine.control("POST", "faults", {"route": "callbacks.statuses", "kind": "drop"})

    journeys = _journeys(chance)
    early = _first(journeys, EARLY)
    people = engine.people(len(journeys))
    _send(engine, people[len(early) :])
    told_early = _tell_before_the_answer(engine, people[: len(early)], early, chance)
    wamids = [row["wamid"] for row in engine.accepted()]
    assert len(set(wamids)) == len(journeys)

    late = [
        told
        for wamid, journey in zip(wamids[: len(journeys) - len(early)], journeys[len(early) :], strict=True)
        for told in _about(wamid, journey[0], chance)
    ]
    everything = told_early + late
    assert (len(everything), len(set(everything))) == (STATUSES, STATUSES)
    repeated = late + chance.sample(everything, DOUBLED)
    chance.shuffle(repeated)
    _deliver_in_parts(engine, repeated, chance)
    engine.settle(30)

    _compare(engine, everything, dict(zip(wamids, journeys[len(early) :] + journeys[: len(early)], strict=True)))


def _compare(engine: Engine, everything: list[Told], journeys: dict[str, Any]) -> None:
    rows = {row.wamid: row for row in engine.rows("select * from messages")}
    records = engine.recorded()
    wrong = {
        wamid: (steps, rows[wamid].status, records[wamid].status)
        for wamid, (steps, final) in journeys.items()
        if (rows[wamid].status, records[wamid].status) != (final, final)
    }
    assert wrong == {}, f"{len(wrong)} messages are not as they were told"
    times = {(told.wamid, told.status): datetime.fromtimestamp(told.at, UTC) for told in everything}
    lost = [key for key, at in times.items() if getattr(rows[key[0]], f"{key[1]}_at") != at]
    assert lost == [], "every step keeps its own time"
    inbox = Counter((row.item_id, row.kind, row.state) for row in engine.inbox())
    assert inbox == Counter({(told.wamid, f"status:{told.status}", "done"): 1 for told in everything})
    assert engine.value("select count(*) from early_statuses") == 0
    assert engine.value("select count(*) from dead_letters") == 0


def _journeys(chance: random.Random) -> list[Any]:
    """Messages of which exactly a thousand statuses are told."""
    journeys: list[Any] = []
    left = STATUSES
    while left:
        journeys.append(chance.choice([journey for journey in JOURNEYS if len(journey[0]) <= left]))
        left -= len(journeys[-1][0])
    return journeys


def _first(journeys: list[Any], statuses: int) -> list[Any]:
    """So many messages from the start that at least these statuses are told of them."""
    chosen: list[Any] = []
    while sum(len(journey[0]) for journey in chosen) < statuses:
        chosen.append(journeys[len(chosen)])
    return chosen


def _about(wamid: str, steps: tuple[str, ...], chance: random.Random) -> list[Told]:
    at = BEGAN + chance.randrange(100_000)
    return [Told(wamid, step, at + n * chance.randrange(1, 50)) for n, step in enumerate(steps)]


def _send(engine: Engine, people: list[int]) -> None:
    recipients = [{"contact_id": person, "parameters": ["顧客", "A1", "NT$1"]} for person in people]
    campaign = {"name": "c", "template": "order_confirmation", "language": "zh_TW", "recipients": recipients}
    assert engine.api("POST", "campaigns", campaign).status_code == 202
    engine.settle(30)


def _tell_before_the_answer(
    engine: Engine, people: list[int], journeys: list[Any], chance: random.Random
) -> list[Told]:
    """Send these while the platform is slow to answer: it has taken them and tells of them, and we do not know their
    names yet."""
    slow = {"route": "messages", "kind": "latency", "moment": "after_accept", "seconds": 1.5}
    fault = engine.control("POST", "faults", slow)["faults"][-1]
    before = len(engine.accepted())
    sender = threading.Thread(target=_send, args=(engine, people))
    sender.start()
    until(lambda: len(engine.accepted()) == before + len(people))
    wamids = [row["wamid"] for row in engine.accepted()[before:]]
    pairs = zip(wamids, journeys, strict=True)
    told = [one for wamid, (steps, _) in pairs for one in _about(wamid, steps, chance)]
    chance.shuffle(told)
    assert deliver(engine.web, _delivery(told)).status_code == 200
    second = WorkerSession(engine.runtime.store, "hears while the first one sends", engine.clock)
    engine.runtime.intake.drain(second.number)
    waited = engine.value("select count(*) from early_statuses")
    second.close()
    sender.join(30)
    engine.control("DELETE", f"faults?id={fault['id']}")
    assert waited == len(told) >= EARLY, "all of them came before their messages"
    return told


def _deliver_in_parts(engine: Engine, told: list[Told], chance: random.Random) -> None:
    """Several deliveries at once, of 1 to 1,000 items, while two workers handle what has come."""
    parts, left = [], list(told)
    while left:
        size = min(len(left), int(1000 ** chance.random()))
        parts.append(_delivery(left[:size]))
        left = left[size:]
    over = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(_work, engine, name, over) for name in ("second", "third")]
        answers = list(pool.map(lambda body: deliver(engine.web, body).status_code, parts))
        over.set()
        for worker in workers:
            worker.result(30)
    assert set(answers) == {200}


def _work(engine: Engine, name: str, over: threading.Event) -> None:
    session = WorkerSession(engine.runtime.store, name, engine.clock)
    try:
        while not over.wait(0.01):
            engine.runtime.intake.drain(session.number)
    finally:
        session.close()


def _delivery(told: list[Told]) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "886255501000", "phone_number_id": PRIMARY},
        "statuses": [one.body() for one in told],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
