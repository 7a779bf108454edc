"""Contacts both ways: what the CRM's people typed in comes here, what is said on our side goes there, and in the end
every row is held against its twin."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text

from syncer.acceptance import movements
from syncer.acceptance.crm_world import CrmPerson, World, by_id
from syncer.acceptance.engine_api import EngineApi
from syncer.acceptance.evidence import Found
from syncer.acceptance.narrator import StepFailed, View
from syncer.acceptance.stage import Stage

#: Of those who come to the CRM from our side, this share is new; of the others something changes.
NEW_SHARE = 0.5
#: One in so many of the CRM's rows is changed there.
CHANGED_THERE = 10
_PATIENCE_SECONDS = 240.0
#: Digits at a number's end that tell it from all others here, however it is written.
_TAIL = 8
_PLAIN_MOBILE = re.compile(r"(\+8869|09)\d\d?-?\d{3}-?\d{3,4}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said on either side: new contacts (phone -> fields), and by the CRM's id what city we say, what city the
    CRM's people say."""

    new: dict[str, dict[str, Any]]
    ours: dict[str, tuple[str, str]]
    theirs: dict[str, str]

    @property
    def said_here(self) -> list[dict[str, Any]]:
        """As the API takes it."""
        return [*self.new.values(), *({"phone": phone, "city": city} for phone, city in self.ours.values())]


def plan(stage: Stage, world: World, count: int) -> Plan:
    """`count` contacts to the CRM, and some of the CRM's own changed there. Only people with one row and a number of
    their own are changed, so that what must follow is beyond doubt."""
    alone = _alone(stage, world)
    fresh = round(count * NEW_SHARE)
    changed = alone[: min(count - fresh, max(0, len(alone) - len(alone) // CHANGED_THERE))]
    there = alone[len(changed) : len(changed) + max(1, len(alone) // CHANGED_THERE)]
    new = dict(map(_newcomer, range(fresh)))
    ours = {crm_id: (phone, f"搬到{number}號城") for number, (crm_id, phone) in enumerate(changed)}
    return Plan(new, ours, {crm_id: f"{number}號鎮" for number, (crm_id, _) in enumerate(there)})


def _newcomer(number: int) -> tuple[str, dict[str, Any]]:
    """Japanese mobile numbers: nobody else in the scenario has one."""
    phone = f"+8190{10_000_000 + number}"
    said = {
        "phone": phone,
        "full_name": f"新朋友{number}",
        "email": f"new{number}@example.org",
        "city": f"{number}號村",
    }
    return phone, said


def _alone(stage: Stage, world: World) -> list[tuple[str, str]]:
    """(the CRM's id, phone) of contacts with one row, in an order that is random but always the same."""
    query = text(f"""
        select min(r.crm_id), c.phone from contacts c join ({world.rows_here}) r on r.contact_id = c.id
        where c.phone is not null and not c.blocked
            and (select count(*) from contact_sources s where s.crm = :crm and s.contact_id = c.id) = 1
        group by c.id order by md5(c.phone)""")
    return [(row[0], row[1]) for row in _asked(stage, world, query)]


def _asked(stage: Stage, world: World, query: TextClause, **values: Any) -> list[Any]:
    given = {"crm": world.crm, **values}
    known = {name: value for name, value in given.items() if f":{name}" in query.text}
    with stage.runtime.store.begin() as tx:
        return list(tx.execute(query, known).fetchall())


def say_here(stage: Stage, world: World, api: EngineApi, planned: Plan, view: View) -> float:
    """Say it all to the engine, and wait until nothing waits for the CRM; returns the seconds that took."""
    began = time.time()
    refused = api.put_contacts(planned.said_here)
    if refused:
        raise StepFailed(f"{len(refused)} contacts were refused: {refused[0]}")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while waiting := _waiting(stage) + world.waiting(stage):
        if time.monotonic() > deadline:
            raise StepFailed(f"{waiting} contacts still wait for the CRM after {_PATIENCE_SECONDS:.0f} s")
        view.say(f"{waiting} wait for the CRM")
        time.sleep(0.05)
    return time.time() - began


def _waiting(stage: Stage) -> int:
    query = "select count(*) from crm_writes where topic = 'contact' and state in ('pending', 'claimed', 'waiting')"
    with stage.runtime.store.begin() as tx:
        return int(tx.execute(text(query)).scalar_one())


def say_there(stage: Stage, world: World, planned: Plan, view: View) -> float:
    """The CRM's people change some; returns the seconds until all of it is here, by notices where the CRM gives them,
    else by the reading of changes that beat would ring for."""
    world.move(planned.theirs)
    began = time.monotonic()
    if world.crm in stage.settings.crm.names:
        stage.runtime.jobs.ring("sync", (world.crm, "changed"))  # type: ignore[arg-type]
    deadline = began + movements.SYNC_SECONDS
    while missing := _not_here(stage, world, planned.theirs):
        if time.monotonic() > deadline:
            raise StepFailed(f"{missing} of {len(planned.theirs)} changes have not come")
        view.say(f"{missing} are not here yet")
        time.sleep(0.1)
    return time.monotonic() - began


def _not_here(stage: Stage, world: World, cities: dict[str, str]) -> int:
    query = text(f"""
        select count(*) from unnest(cast(:ids as text[]), cast(:cities as text[])) w(id, city)
        left join ({world.rows_here}) r on r.crm_id = w.id left join contacts c on c.id = r.contact_id
        where c.attributes ->> 'city' is distinct from w.city""")
    return int(_asked(stage, world, query, ids=list(cities), cities=list(cities.values()))[0][0])


# Row by row


def compare(stage: Stage, world: World, planned: Plan) -> Found:
    """Every row of the CRM is here and says the same; everybody new is there once; every change stands on both
    sides."""
    people = world.people()
    judged = list(_judged(_rows(stage, world), people, planned))
    return Found(sum(ok for ok, _ in judged), len(judged), tuple(what for ok, what in judged if not ok))


def _judged(here: dict[str, Any], people: Sequence[CrmPerson], planned: Plan) -> Iterator[tuple[bool, str]]:
    there = by_id(people)
    yield from ((False, f"row {crm_id}: is here and not in the CRM") for crm_id in here.keys() - there.keys())
    for person in people:
        row = here.get(person.crm_id)
        yield row is not None and _agree(person, row), f"row {person.crm_id}: {_difference(person, row)}"
    times = Counter(_tail(person.phone) for person in people)
    by_phone = {_tail(person.phone): person for person in people}
    for phone, said in planned.new.items():
        twin = by_phone.get(phone[-_TAIL:])
        whole = twin is not None and (twin.email, twin.city) == (said["email"], said["city"])
        yield whole and times[phone[-_TAIL:]] == 1, f"{said['email']}: {times[phone[-_TAIL:]]} times in the CRM"
    for crm_id, (_, city) in planned.ours.items():
        yield _stands(there, here, crm_id, city), f"our city of row {crm_id} does not stand on both sides"
    for crm_id, city in planned.theirs.items():
        yield _stands(there, here, crm_id, city), f"the CRM's city of row {crm_id} does not stand on both sides"


def doubled(people: Sequence[CrmPerson], phones: Iterable[str]) -> int:
    """How many records too many there are of people whom we told the CRM of."""
    times = Counter(_tail(person.phone) for person in people)
    return sum(max(0, times[phone[-_TAIL:]] - 1) for phone in set(phones))


def _rows(stage: Stage, world: World) -> dict[str, Any]:
    query = text(f"""
        select r.*, c.attributes ->> 'city' ours from ({world.rows_here}) r join contacts c on c.id = r.contact_id""")
    return {row.crm_id: row for row in _asked(stage, world, query)}


def _agree(person: CrmPerson, row: Any) -> bool:
    return not _difference(person, row)


def _difference(person: CrmPerson, row: Any) -> str:
    """In words; empty where there is none. How dirty numbers are read is `cleaning`'s matter: here the digits at the
    end of what we took must stand in what was typed, and what is plainly a number must have been taken."""
    if row is None:
        return "is not here"
    if (row.email or "") != person.email.lower() or (row.city or "") != person.city:
        return "says something else here"
    if row.phone is None:
        return "has no phone here" if _PLAIN_MOBILE.fullmatch(person.phone) else ""
    return "" if row.phone[-_TAIL:] in _digits(person.phone) else "has another phone here"


def _stands(there: dict[str, CrmPerson], here: dict[str, Any], crm_id: str, city: str) -> bool:
    return crm_id in there and crm_id in here and there[crm_id].city == city == here[crm_id].ours


def _digits(typed: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKC", typed) if letter.isdigit())


def _tail(typed: str) -> str:
    return _digits(typed)[-_TAIL:]
