"""A person with a life in every table of the engine, as a test of what is held about them needs one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Connection, DateTime, Text, insert, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.hook import HookEvent
from syncer.domain.message import Medium, Sender
from syncer.domain.status import Status, StatusUpdate
from syncer.domain.work import Subject
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.media import place
from syncer.store import (
    campaigns,
    consents,
    contact_joins,
    crm_notices,
    dead_letters,
    departures,
    early_statuses,
    hook_deliveries,
    hooks,
    identity_changes,
    media,
    personal_data,
    retries,
    sync_runs,
    traces,
)
from syncer.store.base import metadata
from syncer.store.dead_letters import Burial
from syncer.store.hook_deliveries import News
from syncer.store.media import Noted
from syncer.store.retries import Appointment
from tests.fakes.messenger import NUMBER, said, status
from tests.integration.conftest import House

DAY = timedelta(days=1)


@dataclass
class Person:
    """`name` and everything else of them carries `mark`, so that a trace of it anywhere is a trace of them. `number` is
    nine digits."""

    mark: str
    number: str
    contact_id: int = 0
    crm_id: str = ""
    file: Path = field(default=Path())

    @property
    def phone(self) -> str:
        return f"+886{self.number}"

    @property
    def old_phone(self) -> str:
        """The number they had before."""
        return f"+8869{self.number[:0:-1]}"

    @property
    def user_id(self) -> str:
        return f"TW.{self.mark}"

    @property
    def email(self) -> str:
        return f"{self.mark}@example.com"

    def traces(self) -> list[str]:
        """Texts that only they leave."""
        return [self.mark, self.number, self.phone[1:], self.old_phone[1:]]


def live(house: House, folder: Path, mark: str, number: str) -> Person:
    """They are in the CRM twice, write, complain, send a file, change their number, say yes and no, are written to, and
    things go wrong."""
    person = Person(mark, number)
    _known_to_the_crm(house, person)
    _talk(house, person)
    _file(house, person, folder)
    _sends(house, person)
    _joined(house, person)
    _troubles(house, person)
    _told(house, person)
    _elsewhere(house, person)
    return person


def sync(house: House) -> None:
    """Read the CRM."""
    ContactSync(house.store, {"sql": house.crm}, house.clock, page_size=10).run("sql", house.worker)


def run(house: House, work: Any) -> Any:
    """In a transaction."""
    return house.store.run(work)


def _known_to_the_crm(house: House, person: Person) -> None:
    fields = {"full_name": f"王 {person.mark}", "email": person.email, "notes": f"about {person.mark}"}
    at = house.clock.advance(minutes=5)
    person.crm_id = house.crm.add(at, **fields, phone=person.old_phone, marketing_consent="yes")
    second = house.crm.add(at, full_name=f"{person.mark} again", phone=person.old_phone)
    sync(house)
    query = "select contact_id from contact_sources where crm_id = :id"
    person.contact_id = house.value(query, id=person.crm_id)
    run(house, lambda tx: departures.depart(tx, "sql", {second: "gone"}, at))
    del house.crm.contacts[second]


def _talk(house: House, person: Person) -> None:
    before = Sender(person.old_phone, person.user_id, person.mark)
    line = {"phone": person.old_phone, "user_id": person.user_id, "name": person.mark}
    house.receive(said(f"wamid.{person.mark}.1", f"客訴 {person.mark}", at=house.clock.advance(minutes=5), **line))

    def change(tx: Connection) -> None:
        contact_joins.take_turn(tx)
        identity_changes.take_over(tx, person.contact_id, before, Sender(person.phone), house.clock.now())

    run(house, change)
    line["phone"] = person.phone
    house.clock.advance(minutes=5)
    house.receive(said(f"wamid.{person.mark}.2", f"我是 {person.mark}", at=house.clock.advance(minutes=5), **line))
    now = house.clock.now()
    entry = ConsentEntry(person.contact_id, Tier.MARKETING, Word.GRANTED, now, "form", person.mark, explicit=True)
    run(house, lambda tx: consents.record(tx, entry, now))


def _file(house: House, person: Person, folder: Path) -> None:
    message = house.value("select max(id) from messages where contact_id = :id", id=person.contact_id)
    medium = Medium(f"media-{person.mark}", "text/plain", filename=f"{person.mark}.txt")
    run(house, lambda tx: media.note(tx, [Noted(message, person.contact_id, NUMBER, medium)], house.clock.now()))
    person.file = put(house, folder, message, f"file of {person.mark}".encode())


def put(house: House, folder: Path, message_id: int, content: bytes) -> Path:
    """This message's file is fetched."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = place(folder, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    statement = text("update media set sha256 = :sha, state = 'done', size = 1 where message_id = :id")
    run(house, lambda tx: tx.execute(statement, {"sha": sha256, "id": message_id}))
    return path


def _sends(house: House, person: Person) -> None:
    """One that was accepted and told of, one that waits, one of a campaign."""
    house.plan(person.contact_id, f"k1 {person.mark}", body=f"訂單 {person.mark}", to_address=person.phone)
    house.sending.drain_live(house.worker)
    wamid = house.value("select wamid from outgoing where contact_id = :id", id=person.contact_id)
    renamed = f"wamid.{person.mark}.out"
    for table in ("outgoing", "messages"):
        statement = text(f"update {table} set wamid = :new where wamid = :old")
        run(house, lambda tx, s=statement: tx.execute(s, {"new": renamed, "old": wamid}))
    house.receive(status(renamed, "delivered", at=house.clock.advance(minutes=1)))
    house.plan(person.contact_id, f"k2 {person.mark}", body=f"明日 {person.mark}")
    run(house, lambda tx: _campaign(tx, house, person))


def _campaign(tx: Connection, house: House, person: Person) -> None:
    now = house.clock.now()
    values = {"name": "sale", "template": "sale", "language": "zh_TW", "category": "marketing"}
    campaign, _ = campaigns.create(tx, values | {"phone_number_id": NUMBER, "created_at": now})
    batch = campaigns.add_batch(tx, campaign, 1, 1)
    statement = text("""
        insert into outgoing (idempotency_key, lane, source, category, phone_number_id, contact_id, batch_id,
            campaign_id, kind, content, body, planned_at)
        values (:key, 'bulk', 'campaign', 'marketing', :number, :contact, :batch, :campaign, 'template', '{}', 'sale',
            :now)""")
    bound = {"key": f"k3 {person.mark}", "number": NUMBER, "contact": person.contact_id, "now": now}
    tx.execute(statement, bound | {"batch": batch, "campaign": campaign})


def _joined(house: House, person: Person) -> None:
    """They had written from a tablet under another account, which turned out to be theirs."""
    line = {"phone": "", "user_id": f"{person.user_id}.tablet", "name": f"{person.mark} tablet"}
    house.receive(said(f"wamid.{person.mark}.3", f"平板 {person.mark}", at=house.clock.advance(minutes=5), **line))
    other = house.value("select contact_id from identities where value = :id", id=line["user_id"])

    def join(tx: Connection) -> None:
        contact_joins.take_turn(tx)
        contact_joins.join(tx, person.contact_id, other, f"told by {person.mark}", house.clock.now())

    run(house, join)


def _troubles(house: House, person: Person) -> None:
    now = house.clock.now()
    waiting = house.value("select min(id) from outgoing where contact_id = :id", id=person.contact_id)
    item = house.value("select id from inbox where item_id = :id", id=f"wamid.{person.mark}.1")
    news = said(f"hash {person.mark}", "x", at=now)
    told = f'{{"wa_id": "{person.phone[1:]}"}}'
    house.receive(replace(news, kind="other:news", order_key=news.item_id, payload=told))

    def trouble(tx: Connection) -> None:
        letters = [Burial(waiting, f"no word of {person.mark}")]
        dead_letters.bury(tx, Subject.OUTGOING, letters, now, deadline=DAY, alarm=DAY)
        dead_letters.bury(tx, Subject.INBOX, [Burial(item, person.mark)], now, deadline=DAY, alarm=DAY)
        retries.plan(tx, Subject.OUTGOING, [Appointment(waiting, 2, now + DAY, person.mark)], now)
        early = StatusUpdate(NUMBER, f"wamid.{person.mark}.early", Status.SENT, now, recipient=Sender(person.phone))
        early_statuses.keep(tx, [early])
        tx.execute(text("insert into reached values (:id, :now)"), {"id": person.contact_id, "now": now})
        parked = [{"crm_id": person.crm_id, "reason": person.mark}, {"crm_id": "somebody", "reason": "else"}]
        values = {"crm": "sql", "mode": "full", "state": "done", "started_at": now, "parked": parked}
        tx.execute(insert(sync_runs.sync_runs).values(values))
        crm_notices.tell(tx, "sql", [(crm_notices.Kind.CONTACT, person.crm_id)], now)

    run(house, trouble)


def _told(house: House, person: Person) -> None:
    """A subscriber of hooks has yet to hear of them, and it has gone wrong once."""
    now = house.clock.now()

    def tell(tx: Connection) -> None:
        hooks.subscribe(tx, "shop", HookEvent.MESSAGE_RECEIVED, "https://x.example", secret="", batch=False, now=now)
        news = News(HookEvent.MESSAGE_RECEIVED, f"message-{person.mark}", person.mark, person.contact_id, now)
        hook_deliveries.spread(tx, [news], now)

    run(house, tell)
    delivery = house.value("select id from hook_deliveries where contact_id = :id", id=person.contact_id)
    plan = [Appointment(delivery, 2, now + DAY, person.mark)]
    run(house, lambda tx: retries.plan(tx, Subject.HOOK_DELIVERY, plan, now))


def _elsewhere(house: House, person: Person) -> None:
    """A row in every table that is about persons and of which nobody has thought above."""
    for table in metadata.sorted_tables:
        about = personal_data.condition(table)
        with house.store.begin() as tx:
            known = traces.of(tx, person.contact_id)
            found = personal_data.rows(tx, known)
        if about and table.name != "sync_seen" and table.name not in found:
            leads = re.findall(r"t\.(\w+) = any\(:(\w+)\)", about)
            # Where there are two, the second names somebody who is not there.
            values = {column: known.values()[name][0] + 10_000 * number for number, (column, name) in enumerate(leads)}
            values |= {"crm": "sql", "crm_id": person.crm_id}
            row = {
                c.name: values.get(c.name, _anything(c, house, person))
                for c in table.c
                if _must_be_said(c) or c.name in values
            }
            run(house, lambda tx, t=table, r=row: tx.execute(insert(t).values(r)))


def _must_be_said(column: Column[Any]) -> bool:
    return column.identity is None and (isinstance(column.type, JSONB | Text) or not column.nullable)


def _anything(column: Column[Any], house: House, person: Person) -> Any:
    """Their mark where there is room for it."""
    kinds = {
        Text: person.mark,
        JSONB: {"said": person.mark},
        DateTime: house.clock.now(),
        Boolean: False,
        ARRAY: [person.mark],
    }
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), 1)
