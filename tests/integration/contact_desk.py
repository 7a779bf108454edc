"""A contact sync with its CRMs and a worker, and eyes on the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow, SourcePage
from syncer.domain.message import Sender
from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.store import consents, conversations, identities, recognition
from syncer.store.conversations import Heard
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCRM

A, B = "+886911111111", "+886922222222"


class Crm(FakeCRM):
    """A CRM whose pages can be watched, spoilt, hidden and made smaller, and whose translation can be spoilt for some
    rows. `hidden` rows come on no page, though they are there; `lost` pages come without their rows so many times."""

    def __init__(self, name: str = "sql") -> None:
        super().__init__(name)
        self.on_page: Callable[[int], None] = lambda number: None
        self.poison: dict[str, dict[str, Any]] = {}
        self.cursors: list[str | None] = []
        self.since: list[datetime | None] = []
        self.hidden: set[str] = set()
        self.lost: dict[str, int] = {}
        self.largest: int | None = None

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        self.cursors.append(cursor)
        self.since.append(changed_since)
        page_size = min(page_size, self.largest or page_size)
        for number, page in enumerate(super().pages(cursor, page_size=page_size, changed_since=changed_since), 1):
            self.on_page(number)
            yield self._as_sent(page)

    def _as_sent(self, page: SourcePage) -> SourcePage:
        first = page.rows[0].crm_id if page.rows else ""
        if self.lost.get(first, 0):
            self.lost[first] -= 1
            return SourcePage([], page.cursor, "half a page")
        return SourcePage([row for row in page.rows if row.crm_id not in self.hidden], page.cursor, page.lost)

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        return [replace(record, **self.poison.get(record.crm_id, {})) for record in super().translate(rows)]


@dataclass
class Desk:
    """A sync with its CRMs, and eyes on the database."""

    store: Store
    clock: FakeClock
    crm: Crm
    other: Crm
    sessions: list[WorkerSession]
    flow: ContactSync

    def sync(self, mode: str = "full", crm: str = "sql", worker: int | None = None, **how: Any) -> SyncOutcome:
        return self.flow.run(crm, worker or self.sessions[0].number, mode, **how)

    def another_worker(self) -> int:
        self.sessions.append(WorkerSession(self.store, "another", self.clock))
        return self.sessions[-1].number

    def change(self, crm_id: str, **fields: Any) -> None:
        self.crm.contacts[crm_id] |= {"updated_at": self.clock.advance(minutes=1), **fields}

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def value(self, query: str, **values: Any) -> Any:
        return self.rows(query, **values)[0][0]

    def contact_of(self, crm_id: str, crm: str = "sql") -> Any:
        """The contact a CRM row belongs to."""
        query = """select c.* from contacts c join contact_sources s on s.contact_id = c.id
                   where s.crm = :crm and s.crm_id = :crm_id"""
        return self.rows(query, crm=crm, crm_id=crm_id)[0]

    def holder(self, phone: str) -> int | None:
        with self.store.begin() as tx:
            return identities.by_phone(tx, phone)

    def hear_from(self, phone: str, user_id: str | None = None) -> int:
        """A customer writes to us; returns the contact."""
        now, sender = self.clock.now(), Sender(phone=phone, user_id=user_id, name="on WhatsApp")

        def hear(tx: Connection) -> int:
            contact_id = recognition.resolve(tx, [sender], now)[sender]
            conversations.hear(tx, [Heard(contact_id, "100", now, now)])
            return contact_id

        return self.store.run(hear)

    def says(self, contact_id: int, word: Word, tier: Tier = Tier.MARKETING) -> None:
        """The customer's own word."""
        entry = ConsentEntry(contact_id, tier, word, self.clock.now(), "keyword:stop", "STOP", explicit=True)
        self.store.run(lambda tx: consents.record(tx, entry, self.clock.now()))

    def everything(self) -> list[Any]:
        """Every row of every table that a sync writes, with the transaction that wrote it."""
        tables = ("contacts", "identities", "contact_sources", "merges", "consents")
        return [(table, *row) for table in tables for row in self.rows(f"select xmin::text, t::text from {table} t")]


@contextmanager
def open_desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    """Pages of ten rows; a number in more than five rows is shared."""
    crm, other = Crm(), Crm("hubspot")
    flow = ContactSync(store, {"sql": crm, "hubspot": other}, clock, page_size=10, shared_above=5)
    desk = Desk(store, clock, crm, other, [WorkerSession(store, "one", clock)], flow)
    yield desk
    for session in desk.sessions:
        session.close()


def failing(error: BaseException, *, page: int = 3, times: int = 1) -> Callable[[int], None]:
    """For `Crm.on_page`: the CRM fails at that page of a reading, so many times."""
    left = [error] * times

    def fail(number: int) -> None:
        if number == page and left:
            raise left.pop()

    return fail
