"""An engine between two CRMs, the first of them the master: people type into both, and words are said on our side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text

from config.contact_fields import CONTACT_FIELDS
from syncer.domain.contact import FieldRule, Wins
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.flows.contacts.conflicts import Conflicts
from syncer.flows.contacts.edits import ContactEdits
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.crm_contacts import law_of
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.crm_writes import CrmWrites
from syncer.flows.setbacks import Setbacks
from syncer.policies.retry import Tiers
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCRM
from tests.fakes.jobs import RecordingJobs

PHONE = "+886911111111"
MASTER, SECOND = "sql", "hubspot"


class BusyCrm(FakeCRM):
    """A CRM that stamps a record when we write it, as CRMs do, and whose rules may be set. `written` holds what we
    wrote, in order. Where it `dies`, our worker does right after a write."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        super().__init__(name)
        self.clock = clock
        self.wins: dict[str, Wins] = {}
        self.only_read: set[str] = set()
        self.written: list[CrmContact] = []
        self.dies = False

    @property
    def rules(self) -> Mapping[str, FieldRule]:
        plain = super().rules
        ours = {name: replace(rule, writes=rule.writes and name not in self.only_read) for name, rule in plain.items()}
        return ours | {name: replace(ours[name], wins=wins) for name, wins in self.wins.items()}

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        results = super().write_contacts(contacts)
        if self.dies:
            raise SystemExit
        return results

    def _write_contact(self, contact: CrmContact) -> WriteResult:
        result = super()._write_contact(contact)
        self.written.append(contact)
        if result.crm_id and not result.error:
            record = self.contacts[result.crm_id]
            record |= {name: None for name, value in contact.fields.items() if value is None}
            record["updated_at"] = self.clock.now()
        return result


@dataclass
class TwoWay:
    """Both directions, and eyes on the database."""

    store: Store
    clock: FakeClock
    crms: dict[str, BusyCrm]
    session: WorkerSession
    jobs: RecordingJobs = field(default_factory=RecordingJobs)

    @property
    def flow(self) -> ContactSync:
        return ContactSync(self.store, self.crms, self.clock, page_size=10)

    @property
    def writes(self) -> CrmWrites:
        return CrmWrites(
            self.store, self.crms, Setbacks(self.clock, Tiers()), self.clock, CrmStanding(self.store, self.clock)
        )

    @property
    def edits(self) -> ContactEdits:
        law = law_of(self.crms)
        return ContactEdits(self.store, law, CONTACT_FIELDS, "TW", self.clock, self.jobs)

    @property
    def conflicts(self) -> Conflicts:
        return Conflicts(self.edits)

    def add(self, crm: str = MASTER, **fields: Any) -> str:
        return self.crms[crm].add(self.clock.now(), **fields)

    def types(self, crm_id: str, crm: str = MASTER, **fields: Any) -> None:
        """The CRM's people change a record."""
        self.crms[crm].contacts[crm_id] |= {"updated_at": self.clock.advance(minutes=1), **fields}

    def says(self, contact_id: int, **fields: Any) -> None:
        """Somebody says it on our side."""
        self.clock.advance(minutes=1)
        self.edits.edit(contact_id, fields, "api:shop")

    def sync(self, crm: str = MASTER) -> Any:
        self.clock.advance(seconds=1)
        return self.flow.run(crm, self.session.number)

    def drain(self) -> int:
        self.clock.advance(seconds=1)
        return self.writes.drain(self.session.number)

    def settle(self, rounds: int = 6) -> int:
        """Go round until nothing moves any more; returns how many rounds wrote something."""
        for number in range(rounds):
            written = sum(len(crm.written) for crm in self.crms.values())
            self.drain()
            for crm in self.crms:
                self.sync(crm)
            self.drain()
            if written == sum(len(crm.written) for crm in self.crms.values()):
                return number
        raise AssertionError("the CRMs never come to rest")

    def known_in_both(self, **fields: Any) -> tuple[int, str, str]:
        """One person in both CRMs: the contact, and the record of each."""
        one, two = (self.add(crm, phone="0911111111", **fields) for crm in (MASTER, SECOND))
        self.sync(MASTER)
        self.sync(SECOND)
        return self.contact(one).id, one, two

    def at(self, crm_id: str, crm: str = MASTER) -> dict[str, Any]:
        """What the CRM's people see."""
        return self.crms[crm].contacts[crm_id]

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def contact(self, crm_id: str, crm: str = MASTER) -> Any:
        query = """select c.* from contacts c join contact_sources s on s.contact_id = c.id
                   where s.crm = :crm and s.crm_id = :crm_id"""
        return self.rows(query, crm=crm, crm_id=crm_id)[0]

    def everything(self) -> list[Any]:
        """Every row that a sync or a write may change, with the transaction that wrote it."""
        tables = ("contacts", "identities", "contact_sources", "consents", "crm_writes", "contact_conflicts")
        return [(table, *row) for table in tables for row in self.rows(f"select xmin::text, t::text from {table} t")]


@contextmanager
def open_two_way(store: Store, clock: FakeClock, crms: tuple[str, ...] = (MASTER, SECOND)) -> Iterator[TwoWay]:
    """CRMs without customers."""
    session = WorkerSession(store, "one", clock)
    yield TwoWay(store, clock, {name: BusyCrm(name, clock) for name in crms}, session)
    session.close()
