"""The conversations of the CRM scenario: customers write before, during and after an outage of the CRM, and the CRM's
people write back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from syncer.acceptance import evidence, movements
from syncer.acceptance.conversation_script import Cast, Line
from syncer.acceptance.crm_world import Absent, Outage, World
from syncer.acceptance.evidence import Person, Spoken
from syncer.acceptance.narrator import StepFailed, View
from syncer.acceptance.stage import Stage

#: Customer messages per second while the CRM is there: 1,000 a minute.
RATE = 1000 / 60
#: Seconds that each of the CRM's answers takes.
LATENCY = 0.1
#: So many are said before, while the CRM is still fast: a worker's first write to a CRM looks at its fields, or even
#: makes them.
OPENING = 4
#: Shares of the messages that are said before, during and after the outage.
BEFORE, DURING = 0.4, 0.2
#: How long, of the whole outage, the CRM is away in each way.
_WAYS = ((Outage.UNHEARD, 0.05), (Outage.REFUSED, 0.45), (Outage.FAILING, 0.5))
#: One agent's reply for so many customer messages.
MESSAGES_PER_REPLY = 5
#: What was on its way when the CRM went away may have to wait for its return: it counts as said during the outage.
ON_ITS_WAY_SECONDS = 2.0
#: The first of these is the time in which nobody says anything, so that the engine's own questions can be counted.
_AT_REST_SECONDS, _CATCH_UP_SECONDS, _QUIET_SECONDS = 3.0, 120.0, 1.5


@dataclass(frozen=True, slots=True)
class Reply:
    """What one of the CRM's people wrote, when they were done (unix seconds)."""

    text: str
    phone: str
    at: float


@dataclass
class Traffic:
    """What was said and when the CRM was away (unix seconds); `asked` counts the CRM's requests outside the outage,
    `at_rest` how many of them a second it gets when nobody says anything, over `seconds` outside of it."""

    spoken: list[Spoken] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    replies_absent: str = ""
    began_at: float = 0.0
    left_at: float = 0.0
    back_at: float = 0.0
    caught_up_at: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    at_rest: float = 0.0
    seconds: float = 0.0

    def outside(self, at: float) -> bool:
        """Whether something said then had a CRM that was there and had nothing to catch up with, and an engine that has
        been at work for a moment."""
        return self.began_at <= at < self.left_at - ON_ITS_WAY_SECONDS or at > self.caught_up_at

    def during(self, at: float) -> bool:
        """Whether the CRM was away then."""
        return self.left_at <= at <= self.back_at


def play(stage: Stage, world: World, lines: Sequence[Line], outage: float, view: View) -> Traffic:
    """The whole of it; ends when nothing moves any more."""
    people = movements.assign(stage, lines)
    first, second = round(len(lines) * BEFORE), round(len(lines) * (BEFORE + DURING))
    replies = max(2, len(lines) // MESSAGES_PER_REPLY)
    traffic = Traffic()
    _say(stage, traffic, people, lines[:OPENING], RATE)
    movements.settle(stage, view)
    traffic.at_rest = _at_rest(world)
    world.slow(LATENCY)
    traffic.began_at, asked = time.time(), world.requests()
    _say(stage, traffic, people, lines[OPENING:first], RATE)
    answering = _answerable(stage, world, traffic.spoken, replies)
    _write_back(stage, world, traffic, answering[: replies // 2], len(lines[:first]) / RATE, view)
    asked = world.requests() - asked
    _be_away(stage, world, traffic, people, lines[first:second], outage, view)
    since = world.requests()
    _catch_up(stage, world, traffic, view)
    _say(stage, traffic, people, lines[second:], RATE)
    _write_back(stage, world, traffic, answering[replies // 2 :], len(lines[second:]) / RATE, view)
    settle(stage, world, view)
    traffic.asked = asked + (world.requests() - since)
    traffic.seconds = time.time() - traffic.began_at - (traffic.back_at - traffic.left_at)
    return traffic


def _at_rest(world: World) -> float:
    time.sleep(_QUIET_SECONDS)
    asked = world.requests()
    time.sleep(_AT_REST_SECONDS)
    return (world.requests() - asked).total() / _AT_REST_SECONDS


def _say(stage: Stage, traffic: Traffic, people: dict[object, Person], lines: Sequence[Line], rate: float) -> None:
    """Let them be said from now on; returns at once."""
    if not lines:
        return
    wamids = stage.platform.play([evidence.message_for(line, people[line.part]) for line in lines], rate)
    log = stage.platform.said()
    traffic.spoken += [
        Spoken(line, people[line.part], wamid, log[wamid]["planned_at"])
        for line, wamid in zip(lines, wamids, strict=True)
    ]


def _answerable(stage: Stage, world: World, spoken: Sequence[Spoken], count: int) -> list[tuple[str, Person]]:
    """(the CRM's id, customer) of the first who write and are in the CRM, each once as far as there are enough."""
    people = list(dict.fromkeys(said.person for said in spoken if said.line.part.cast is Cast.CUSTOMER))
    query = text(f"""
        select contact_id, min(crm_id) from ({world.rows_here}) r where contact_id = any(:ids) group by contact_id""")
    with stage.runtime.store.begin() as tx:
        values = {"ids": [person.contact_id for person in people]} | (
            {"crm": world.crm} if ":crm" in query.text else {}
        )
        known = {row[0]: str(row[1]) for row in tx.execute(query, values)}
    found = [(known[person.contact_id or 0], person) for person in people if person.contact_id in known]
    return [found[place % len(found)] for place in range(count)] if found else []


def _write_back(
    stage: Stage,
    world: World,
    traffic: Traffic,
    answering: Sequence[tuple[str, Person]],
    seconds: float,
    view: View,
) -> None:
    """The CRM's people write, evenly over the latter half of `seconds`, in which the customers have written; ends with
    them."""
    end = time.time() + seconds
    time.sleep(seconds / 2)
    for place, (crm_id, person) in enumerate(answering):
        view.say(f"{len(traffic.replies)} replies written in the CRM")
        wording = f"客服第{len(traffic.replies) + 1}則：已為您處理"
        try:
            world.reply(crm_id, person.phone or "", wording)
        except Absent as absent:
            traffic.replies_absent = str(absent)
            break
        traffic.replies.append(Reply(wording, person.phone or "", time.time()))
        time.sleep(max(0.0, (end - time.time()) / (len(answering) - place)))
    time.sleep(max(0.0, end - time.time()))


def _be_away(
    stage: Stage,
    world: World,
    traffic: Traffic,
    people: dict[object, Person],
    lines: Sequence[Line],
    seconds: float,
    view: View,
) -> None:
    """The CRM goes away in every way while customers write on, the last of them when it is back."""
    traffic.left_at = time.time()
    world.leave(_WAYS[0][0])
    _say(stage, traffic, people, lines, len(lines) / (seconds * 1.05))
    for how, share in _WAYS:
        view.say(f"the CRM is away: {how.value}")
        world.leave(how)
        time.sleep(share * seconds)
    world.come_back()
    traffic.back_at = time.time()


def _catch_up(stage: Stage, world: World, traffic: Traffic, view: View) -> None:
    """Wait until the CRM has everything that was said before it came back."""
    wamids = [said.wamid for said in traffic.spoken if said.at <= traffic.back_at]
    deadline = time.monotonic() + _CATCH_UP_SECONDS
    while True:
        written = recorded_at(stage, world, wamids)
        missing = len(wamids) - len(written)
        if not missing:
            traffic.caught_up_at = max(*written.values(), traffic.back_at)
            return
        if time.monotonic() > deadline:
            raise StepFailed(f"{missing} messages still wait {_CATCH_UP_SECONDS:.0f} s after the outage")
        view.say(f"{missing} messages wait for the CRM that is back")
        time.sleep(0.1)


def recorded_at(stage: Stage, world: World, wamids: Sequence[str]) -> dict[str, float]:
    """When the CRM recorded each of these that it has (unix seconds)."""
    heard = world.heard_at()
    if heard is not None:
        return {wamid: heard[wamid] for wamid in wamids if wamid in heard}
    query = text("""
        select m.wamid, extract(epoch from w.first_written_at) from messages m
        join crm_writes w on w.topic = 'message' and w.subject_id = m.id and w.crm = :crm
        where m.wamid = any(:wamids) and w.first_written_at is not null""")
    with stage.runtime.store.begin() as tx:
        return {row[0]: float(row[1]) for row in tx.execute(query, {"wamids": list(wamids), "crm": world.crm})}


def settle(stage: Stage, world: World, view: View) -> None:
    """Until nothing moves any more, here or on the way to the CRM. Raises `StepFailed`."""
    deadline = time.monotonic() + movements.SETTLE_SECONDS
    movements.settle(stage, view)
    while waiting := world.waiting(stage):
        if time.monotonic() > deadline:
            raise StepFailed(f"{waiting} deliveries have not settled after {movements.SETTLE_SECONDS:.0f} s")
        view.say(f"{waiting} deliveries")
        time.sleep(0.1)
    movements.settle(stage, view)
