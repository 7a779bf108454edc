"""The movements of the main job, as the tour sets them off and waits for them: contacts in, a campaign out, and
conversations both ways with a worker killed in the middle."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import text

from syncer.acceptance import evidence, readiness
from syncer.acceptance.conversation_script import Cast, Line
from syncer.acceptance.evidence import Person, Spoken
from syncer.acceptance.narrator import StepFailed, View
from syncer.acceptance.stage import Stage
from syncer.domain.campaign import Recipient
from syncer.domain.text import shorten
from syncer.store import sync_runs

SYNC_SECONDS = 60.0
SETTLE_SECONDS = 75.0
CAMPAIGN = 250
#: Of the campaign's recipients, so many have left WhatsApp: their messages must fail honestly (131026).
LEFT_WHATSAPP = 3
#: Customer messages per second. With the replies some 6,000 messages a minute, above the best figure known (R38), and
#: some 60 % of two cores with everything else that runs here.
RATE = 60.0
#: The worker dies when about this share of the messages has been said.
KILL_AFTER = 0.45


@dataclass(frozen=True)
class Synced:
    """A finished contact sync."""

    seconds: float
    counts: dict[str, int]


def sync_contacts(stage: Stage, view: View, crm: str = "sql", seconds: float = SYNC_SECONDS) -> Synced:
    """Ring for a full sync as beat does, and wait for its end; the seconds count from the ring."""
    began, started = time.monotonic(), stage.runtime.clock.now()
    stage.runtime.jobs.ring("sync", crm)
    while time.monotonic() - began < seconds:
        with stage.runtime.store.begin() as tx:
            run = sync_runs.last(tx, crm)
        if run is not None and run.started_at >= started:
            view.say(f"{run.counts.get('seen', 0):,} rows")
            if run.state != "running":
                if run.error:
                    raise StepFailed(f"the sync failed: {run.error}")
                return Synced(time.monotonic() - began, dict(run.counts))
        time.sleep(0.03)
    raise StepFailed(f"no sync came to its end within {seconds:.0f} s")


@dataclass(frozen=True)
class Campaign:
    """A campaign's plan: the recipients' addresses, and which of them have left WhatsApp."""

    id: int
    addresses: tuple[str, ...]
    gone: frozenset[str]


def send_campaign(stage: Stage, view: View) -> Campaign:
    """Plan the order confirmation for 250 customers, which rings for three batches, and wait until nothing moves."""
    people = customers(stage, "not blocked and transactional <> 'revoked'", CAMPAIGN)
    gone = people[:: CAMPAIGN // LEFT_WHATSAPP][:LEFT_WHATSAPP]
    stage.platform.mark([{"phone": person.phone, "dead": True} for person in gone])
    orders = count(20_261_001)
    recipients = [
        Recipient(person.contact_id or 0, (_spoken_name(person), f"A{next(orders)}", f"NT$ {480 + 7 * n:,}"))
        for n, person in enumerate(people)
    ]
    campaign = stage.runtime.campaigns.plan("order confirmations", "order_confirmation", "zh_TW", recipients)
    _watch_campaign(stage, campaign, view)
    settle(stage, view)
    return Campaign(campaign, tuple(p.address for p in people), frozenset(p.address for p in gone))


def _watch_campaign(stage: Stage, campaign: int, view: View) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        progress = stage.runtime.campaigns.progress(campaign) or {}
        sends, climbed = progress.get("sends", {}), progress.get("statuses", {})
        left = sum(sends.get(state, 0) for state in ("planned", "claimed", "sending", "waiting", "unknown"))
        view.count(CAMPAIGN - left, CAMPAIGN)
        view.say(", ".join(f"{number} {status}" for status, number in sorted(climbed.items())))
        if not left:
            return
        time.sleep(0.1)
    raise StepFailed(f"the campaign has not left within {SETTLE_SECONDS:.0f} s: {progress}")


def customers(stage: Stage, condition: str, limit: int) -> list[Person]:
    """Contacts with a number that fulfil an SQL condition, in an order that is random but always the same."""
    statement = text(f"""
        select id, phone, full_name from contacts where phone is not null and not unreachable and {condition}
        order by md5(phone) limit :limit""")
    with stage.runtime.store.begin() as tx:
        rows = tx.execute(statement, {"limit": limit}).fetchall()
    if len(rows) < limit:
        raise StepFailed(f"there are only {len(rows)} contacts with: {condition}")
    return [Person(row.phone.lstrip("+"), row.phone, name=row.full_name, contact_id=row.id) for row in rows]


def _spoken_name(person: Person) -> str:
    """A name as a template takes it: one line, no long gaps, not empty."""
    return shorten(" ".join((person.name or "").split()), 40) or "貴賓"


def assign(stage: Stage, lines: Sequence[Line]) -> dict[Any, Person]:
    """A person for every part of the script."""
    parts = evidence.cast_in_order(lines)
    wanted = Counter(part.cast for part in parts)
    promotable = customers(stage, "marketing = 'granted' and not blocked", wanted[Cast.PROMOTABLE])
    ordinary = customers(stage, "marketing <> 'granted' and not blocked", wanted[Cast.CUSTOMER])
    sources: dict[Cast, Iterator[Person]] = {
        Cast.CUSTOMER: iter(ordinary),
        Cast.PROMOTABLE: iter(promotable),
        Cast.STRANGER: _strangers(),
        Cast.NAMELESS: _nameless(),
    }
    return {part: next(sources[part.cast]) for part in parts}


def _strangers() -> Iterator[Person]:
    for number in count(1):
        phone = f"+852510{number:05d}"
        yield Person(phone.lstrip("+"), phone, name=f"新客人{number}")


def _nameless() -> Iterator[Person]:
    for number in count(1):
        user_id = f"TW.90071992547409{number:05d}"
        yield Person(user_id, None, user_id, name=f"小安{number}")


@dataclass(frozen=True)
class Kill:
    """A worker's sudden death: who, when, the messages that it held, the replies that it held, and those of them that
    were on their way."""

    name: str
    at: float
    messages: tuple[int, ...]
    replies: tuple[int, ...]
    leaving: int


@dataclass(frozen=True)
class Storm:
    """What was said, and who died of it."""

    spoken: list[Spoken]
    kill: Kill


def converse(stage: Stage, lines: Sequence[Line], view: View) -> Storm:
    """Let the customers speak, and kill a real-time worker while it works."""
    people = assign(stage, lines)
    workers = {number: name for name, number in readiness.living_workers(stage).items() if name.startswith("realtime")}
    began = time.monotonic()
    wamids = stage.platform.play([evidence.message_for(line, people[line.part]) for line in lines], RATE)
    view.count(0, len(lines))
    while time.monotonic() - began < KILL_AFTER * len(lines) / RATE:
        view.count(int((time.monotonic() - began) * RATE), len(lines))
        time.sleep(0.02)
    kill = _kill_one_at_work(stage, workers)
    view.say(f"{kill.name} was killed with {in_hands(kill)}")
    while (said := int((time.monotonic() - began) * RATE)) < len(lines):
        view.count(said, len(lines))
        time.sleep(0.02)
    view.count(len(lines), len(lines))
    log = stage.platform.said()
    spoken = [
        Spoken(line, people[line.part], wamid, log[wamid]["planned_at"])
        for line, wamid in zip(lines, wamids, strict=True)
    ]
    return Storm(spoken, kill)


def in_hands(kill: Kill) -> str:
    """What the dead worker held."""
    held = f"{len(kill.messages)} messages and {len(kill.replies)} replies in its hands"
    return f"{held}, {kill.leaving} of them leaving" if kill.leaving else held


def _kill_one_at_work(stage: Stage, workers: dict[int, str], patience: float = 1.5) -> Kill:
    """SIGKILL for the first real-time worker that is seen with claimed messages; for any, if none is seen in time."""
    holders = text("select claimed_by from inbox where state = 'claimed' limit 1")
    victim = next(iter(workers))
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with stage.runtime.store.begin() as tx:
            busy = tx.execute(holders).scalar_one_or_none()
        if busy in workers:
            victim = busy
            break
        time.sleep(0.001)
    _, at = stage.supervisor.kill(workers[victim])
    held = text("select id from inbox where state = 'claimed' and claimed_by = :worker")
    replying = text("select id, state from outgoing where state in ('claimed', 'sending') and claimed_by = :worker")
    with stage.runtime.store.begin() as tx:
        messages = tuple(tx.execute(held, {"worker": victim}).scalars())
        replies = tx.execute(replying, {"worker": victim}).fetchall()
    leaving = sum(row.state == "sending" for row in replies)
    return Kill(workers[victim], at, messages, tuple(row.id for row in replies), leaving)


def recovery(stage: Stage, kill: Kill) -> tuple[float | None, float | None]:
    """Seconds from the kill until every message in the dead worker's hands and the next one after it was handled; and
    until its replies were settled (None without any)."""
    handled = text("select max(extract(epoch from settled_at)) from inbox where id = any(:ids)")
    following = text("select min(extract(epoch from settled_at)) from inbox where settled_at > to_timestamp(:at)")
    settled = text("select max(extract(epoch from settled_at)) from outgoing where id = any(:ids)")
    with stage.runtime.store.begin() as tx:
        after = tx.execute(following, {"at": kill.at}).scalar_one()
        last = tx.execute(handled, {"ids": list(kill.messages)}).scalar_one()
        doubt = tx.execute(settled, {"ids": list(kill.replies)}).scalar_one()
    moments = [float(moment) for moment in (after, last) if moment is not None]
    return (max(moments) - kill.at if moments else None), (float(doubt) - kill.at if doubt else None)


def settle(stage: Stage, view: View) -> None:
    """Return once the platform has nothing more to tell and nothing waits in the engine; raises `StepFailed`."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        # In this order: what the platform has told by now is in the inbox by then.
        quiet = stage.platform.quiet()
        waiting = {name: rows for name, rows in stage.runtime.reports.waiting().items() if rows and name in _MOVING}
        if quiet and not waiting:
            return
        if time.monotonic() > deadline:
            raise StepFailed(f"not settled after {SETTLE_SECONDS:.0f} s: {waiting or 'the platform still speaks'}")
        view.say(_in_words(waiting, quiet))
        time.sleep(0.1)


_MOVING = ("inbox", "outgoing", "crm_writes")


def _in_words(waiting: dict[str, int], quiet: bool) -> str:
    words = [f"{rows} {name}" for name, rows in waiting.items()] + ([] if quiet else ["statuses on their way"])
    return ", ".join(words)
