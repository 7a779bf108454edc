"""A vendor's CRM as the scenario plays with it: its simulator as a process, seen through the control API."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from syncer import parts
from syncer.acceptance import stage as scenery
from syncer.acceptance.control_api import ControlApi
from syncer.acceptance.crm_world import CrmPerson, Kept, Outage, ReadBySync
from syncer.acceptance.engine_api import EngineApi
from syncer.acceptance.stage import Ports, Stage
from syncer.simulators import people as made_up

Fields = Mapping[str, Any]
_FAULTS: Mapping[Outage, Fields] = {
    Outage.UNHEARD: {"kind": "cut", "moment": "after_accept"},
    Outage.REFUSED: {"kind": "cut"},
    Outage.FAILING: {"kind": "server_error", "status": 503},
}


@dataclass(frozen=True)
class Words:
    """How a vendor calls things. `room` is the part of the control API with the records, `listed` and `fields` the keys
    under which it lists them and what each holds (empty: the record itself), `typed` the key for what people type.
    `message` names the fields of a message in the order of `Kept`, `handoff` the one with the customer's words.

    `seed_id` is the id of the contact with that number, `options` the simulator's own besides the usual ones,
    `addresses` the variables that hold where it is. `reply` says what somebody types to have a message sent, from the
    customer's id and the text; `read_body` takes a body out of its markup."""

    room: str
    listed: str
    fields: str
    typed: str
    contacts: str
    phone: str
    email: str
    city: str
    messages: str
    message: Sequence[str]
    handoffs: str
    handoff: str
    seed_id: Callable[[int], str]
    options: Callable[[Stage], str]
    addresses: tuple[str, ...]
    reply: Callable[[str, str], Mapping[str, Any]]
    variables: Mapping[str, str] = field(default_factory=dict)
    read_body: Callable[[str], str] = str


class SimulatedCrm(ReadBySync):
    """One vendor's simulator."""

    def __init__(self, crm: str, words: Words) -> None:
        super().__init__(crm)
        self._words = words
        self._contacts = 0
        self._url = ""

    @cached_property
    def _control(self) -> ControlApi:
        return ControlApi(self._url, f"the simulated {self.crm}")

    def variables(self, ports: Ports, crm_url: str) -> Mapping[str, str]:
        """The engine's CRM is this one, at the simulator's address."""
        self._url = f"http://127.0.0.1:{ports.crm}"
        return {"CRM": self.crm, **self._words.variables, **dict.fromkeys(self._words.addresses, self._url)}

    def open(self, stage: Stage, contacts: int) -> None:
        """Start the simulator; its own people are made up from their number."""
        self._contacts = contacts
        command = (
            f"'{sys.executable}' -m syncer.simulators.{self.crm} --port {stage.ports.crm} --contacts {contacts}"
            f" {self._words.options(stage)}"
        )
        scenery.start_simulator(stage, f"{self.crm}-simulator", stage.ports.crm, command)

    def begin(self, stage: Stage, api: EngineApi) -> None:
        """Ask the CRM to tell of changes, as beat does within its first minutes; some are asked, others are set up."""
        parts.notice_channels(stage.runtime).renew()

    def close(self) -> None:
        """Close the idle connections."""
        if "_control" in self.__dict__:
            self._control.close()

    def people(self) -> list[CrmPerson]:
        """Those that were written or typed in, and of the others what they were made of."""
        told = dict(self._rows(self._words.contacts))
        seeds = {self._words.seed_id(index): index for index in range(self._contacts)}
        found = [self._person(row_id, fields) for row_id, fields in told.items()]
        return found + [_made(row_id, index) for row_id, index in seeds.items() if row_id not in told]

    def move(self, cities: Mapping[str, str]) -> None:
        """Its people type another city."""
        for crm_id, city in cities.items():
            values = {self._words.typed: {self._words.city: city}}
            self._control.call("PATCH", f"{self._words.room}/{self._words.contacts}/{crm_id}", values)

    def messages(self) -> list[Kept]:
        """The records of messages."""
        rows = self._rows(self._words.messages)
        found = [Kept(*(_text(row.get(name)) for name in self._words.message)) for _, row in rows]
        return [one._replace(body=self._words.read_body(one.body or "")) for one in found]

    def handoffs(self) -> list[str]:
        """The tickets or cases."""
        return [str(row.get(self._words.handoff) or "") for _, row in self._rows(self._words.handoffs)]

    def reply(self, crm_id: str, phone: str, text: str) -> None:
        """As if typed in by one of its users."""
        self._control.call("POST", f"{self._words.room}/{self._words.messages}", self._words.reply(crm_id, text))

    def slow(self, seconds: float) -> None:
        """Each answer of the API takes so long."""
        self._control.call("POST", "settings", {"latency": seconds})

    def leave(self, how: Outage) -> None:
        """A fault for all that is asked."""
        self.come_back()
        self._control.call("POST", "faults", {"route": "*", **_FAULTS[how]})

    def come_back(self) -> None:
        """No fault any more."""
        self._control.call("DELETE", "faults")

    def requests(self) -> Counter[str]:
        """Calls of the API by route."""
        told = self._control.call("GET", "stats")["requests"]
        return Counter({route: number for route, number in told.items() if not route.startswith("callbacks")})

    def _rows(self, kind: str) -> list[tuple[str, Fields]]:
        rows = self._control.call("GET", f"{self._words.room}/{kind}")[self._words.listed]
        alive = [row for row in rows if not (row.get("archived") or row.get("deleted"))]
        return [(str(row["id"]), row[self._words.fields] if self._words.fields else row) for row in alive]

    def _person(self, row_id: str, fields: Fields) -> CrmPerson:
        names = (self._words.phone, self._words.email, self._words.city)
        phone, email, city = (str(fields.get(name) or "") for name in names)
        return CrmPerson(row_id, phone, email, city)


def _text(value: Any) -> str | None:
    """A lookup comes as a record."""
    told = value.get("id") if isinstance(value, dict) else value
    return None if told is None else str(told)


def _made(row_id: str, index: int) -> CrmPerson:
    return CrmPerson(row_id, made_up.phone(index) or "", made_up.email(index) or "", made_up.city(index))
