"""A CRM as the scenario plays with it: its people, its records and its troubles, seen from its own side and never
through the engine's adapter. One class per CRM, all of this shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from syncer.acceptance import movements
from syncer.acceptance.engine_api import EngineApi
from syncer.acceptance.narrator import View
from syncer.acceptance.stage import Ports, Stage


class Absent(Exception):
    """This CRM has no such way, or the engine has none to it; the text says which."""


class Kept(NamedTuple):
    """A message as the CRM keeps it, by the names of `evidence`."""

    ref: str | None
    wamid: str | None
    customer_id: str | None
    direction: str | None
    kind: str | None
    body: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class CrmPerson:
    """A customer's record: the phone as it was typed, empty texts where there is nothing."""

    crm_id: str
    phone: str
    email: str
    city: str


class Outage(Enum):
    """How a CRM is away, in the order in which the scenario plays it: what is asked is done but the answer is lost; no
    connection comes about; every request fails."""

    UNHEARD = "unheard"
    REFUSED = "refused"
    FAILING = "failing"


#: The CRM's rows as the engine has them; `:crm` is the engine's name of the CRM.
ROWS_HERE = """
    select s.crm_id, s.contact_id, s.phone, s.fields ->> 'email' email, s.fields ->> 'city' city
    from contact_sources s where s.crm = :crm"""


@dataclass
class ReadBySync:
    """What is alike for every CRM that the engine reads."""

    crm: str
    rows_here = ROWS_HERE

    def bring(self, stage: Stage, view: View) -> tuple[int, float]:
        """A first full sync."""
        synced = movements.sync_contacts(stage, view, self.crm, seconds=240.0)
        return synced.counts.get("seen", 0), synced.seconds

    def heard_at(self) -> Mapping[str, float] | None:
        """The engine's time is later than the CRM's own: it has heard of the commit."""
        return None

    def waiting(self, stage: Stage) -> int:
        """Nothing that the engine's own figures leave out."""
        return 0


class World(Protocol):
    """One CRM. `crm` is the engine's name of it, `rows_here` an SQL query for its rows as the engine has them (crm_id,
    contact_id, phone, email, city)."""

    crm: str
    rows_here: str

    def variables(self, ports: Ports, crm_url: str) -> Mapping[str, str]:
        """The environment by which the engine finds it; `crm_url` is the address of the stage's company database."""

    def open(self, stage: Stage, contacts: int) -> None:
        """Start it, with so many customers typed in by its people."""

    def begin(self, stage: Stage, api: EngineApi) -> None:
        """The engine runs now: whatever has to be arranged with it."""

    def bring(self, stage: Stage, view: View) -> tuple[int, float]:
        """Its customers come to the engine; how many rows, in how many seconds."""

    def close(self) -> None:
        """Give up connections."""

    def people(self) -> list[CrmPerson]:
        """Every customer's record that is there."""

    def move(self, cities: Mapping[str, str]) -> None:
        """Its people change the city of these records."""

    def messages(self) -> list[Kept]:
        """Every message on record."""

    def handoffs(self) -> list[str]:
        """What each piece of work for a person is about: the customer's words."""

    def reply(self, crm_id: str, phone: str, text: str) -> None:
        """One of its people writes to a customer, to be sent. Raises `Absent`."""

    def slow(self, seconds: float) -> None:
        """From now on each answer takes so long."""

    def leave(self, how: Outage) -> None:
        """From now on it is away."""

    def come_back(self) -> None:
        """It is there again."""

    def requests(self) -> Counter[str]:
        """How often it has been asked for what, the engine's questions for news included."""

    def heard_at(self) -> Mapping[str, float] | None:
        """When it recorded each message, by wamid (unix seconds); None where only the engine has a clock on it."""

    def waiting(self, stage: Stage) -> int:
        """What the engine still has to tell it, beyond what `Reports.waiting` knows."""


def by_id(people: Sequence[CrmPerson]) -> dict[str, CrmPerson]:
    """The records by their ids."""
    return {person.crm_id: person for person in people}
