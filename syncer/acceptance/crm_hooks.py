"""A program outside as the scenario plays with it: it hands customers in and has messages sent through the API, and is
told of everything by hooks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from itertools import count

from sqlalchemy import text

from syncer.acceptance.crm_world import CrmPerson, Kept, Outage
from syncer.acceptance.customer_tables import metadata
from syncer.acceptance.engine_api import EngineApi
from syncer.acceptance.narrator import StepFailed, View
from syncer.acceptance.stage import Ports, Stage
from syncer.domain.hook import HookEvent
from syncer.domain.status import Status
from syncer.simulators import people as made_up
from syncer.simulators.subscriber import FAILING, UNHEARD, Subscriber, Told

_LADDER = [str(status) for status in (Status.ACCEPTED, Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED)]
_BASES = (HookEvent.MESSAGE_RECEIVED, HookEvent.MESSAGE_SENT)


class OutsideProgram:
    """`hooks`: no CRM of its own kind, only the API and its events."""

    crm = "hooks"
    #: The customers of the engine, as such a program knows them: by the engine's own number.
    rows_here = """
        select c.id::text crm_id, c.id contact_id, c.phone, c.email, c.attributes ->> 'city' city from contacts c"""

    def __init__(self) -> None:
        self._subscriber = Subscriber()
        self._contacts = 0
        self._api: EngineApi | None = None
        self._keys = count(1)

    def variables(self, ports: Ports, crm_url: str) -> Mapping[str, str]:
        """Leave to call a program of this machine. Every company has a CRM: here it is a database in which nobody was,
        and which is told of everything too."""
        self._subscriber.port = ports.crm
        return {"HOOKS_PRIVATE_NETWORKS": "127.0.0.1/32"}

    def open(self, stage: Stage, contacts: int) -> None:
        """Listen."""
        metadata.create_all(stage.crm)
        self._contacts = contacts
        self._subscriber.open()

    def begin(self, stage: Stage, api: EngineApi) -> None:
        """Subscribe to everything."""
        self._api = api
        for event in HookEvent:
            wish = {"event": event, "target_url": self._subscriber.address(event), "batch": True}
            self._subscriber.secrets[event] = api.call("POST", "hooks", wish)["secret"]

    def close(self) -> None:
        """Listen no more."""
        self._subscriber.close()

    def bring(self, stage: Stage, view: View) -> tuple[int, float]:
        """Hand the customers in, a hundred at a time. Landlines are refused, and nothing else is."""
        began = time.monotonic()
        rows = [_row(index) for index in range(self._contacts)]
        refused = self._engine.put_contacts(rows)
        landlines = sum(row.get("phone", "").startswith("02-") for row in rows)
        if len(refused) != landlines:
            raise StepFailed(f"{len(refused)} rows were refused, and {landlines} should be: {refused[:1]}")
        return len(rows), time.monotonic() - began

    def people(self) -> list[CrmPerson]:
        """What the events say of each customer, the newest word."""
        newest: dict[str, Told] = {}
        for told in self._of(HookEvent.CONTACT_CREATED, HookEvent.CONTACT_UPDATED):
            key = str(told.body["contact_id"])
            if key not in newest or newest[key].body["updated_at"] <= told.body["updated_at"]:
                newest[key] = told
        return [
            CrmPerson(
                key,
                told.body["phone"] or "",
                told.body["email"] or "",
                str(told.body["attributes"].get("city") or ""),
            )
            for key, told in newest.items()
        ]

    def move(self, cities: Mapping[str, str]) -> None:
        """Hand in other cities."""
        phones = {person.crm_id: person.phone for person in self.people()}
        self._engine.put_contacts([{"phone": phones[crm_id], "city": city} for crm_id, city in cities.items()])

    def messages(self) -> list[Kept]:
        """What was received and sent, each with the highest status that was told of it."""
        highest: dict[int, str] = {}
        for told in self._of(HookEvent.MESSAGE_STATUS):
            number, status = told.body["message_id"], told.body["status"]
            highest[number] = max(status, highest.get(number, status), key=_rank)
        return [
            Kept(
                told.body["id"],
                told.body["wamid"],
                str(told.body["contact_id"]),
                told.body["direction"],
                told.body["kind"],
                told.body["body"],
                highest.get(told.body["message_id"], told.body["status"]),
            )
            for told in self._of(*_BASES)
        ]

    def handoffs(self) -> list[str]:
        """Events of handoffs."""
        return [told.body["body"] for told in self._of(HookEvent.HANDOFF_CREATED)]

    def reply(self, crm_id: str, phone: str, text: str) -> None:
        """Have it sent, and ask again as a program does that has not heard the answer."""
        order = {"to": {"phone": phone}, "text": {"body": text}}
        key = f"reply-{next(self._keys)}"
        for _ in range(2):
            self._engine.call("POST", "messages", order, key=key)

    def slow(self, seconds: float) -> None:
        """Each of its answers takes so long."""
        self._subscriber.latency = seconds

    def leave(self, how: Outage) -> None:
        """Answers are lost, nobody listens, everything fails."""
        self._subscriber.trouble = {Outage.UNHEARD: UNHEARD, Outage.FAILING: FAILING}.get(how)
        if how is Outage.REFUSED:
            self._subscriber.close()
        else:
            self._subscriber.open()

    def come_back(self) -> None:
        """It listens again."""
        self._subscriber.trouble = None
        self._subscriber.open()

    def requests(self) -> Counter[str]:
        """Deliveries that reached it."""
        return Counter(deliveries=self._subscriber.requests)

    def heard_at(self) -> Mapping[str, float] | None:
        """When it heard of each message for the first time."""
        return {told.body["wamid"]: told.at for told in self._of(*_BASES)}

    def waiting(self, stage: Stage) -> int:
        """Deliveries that are still to come."""
        query = "select count(*) from hook_deliveries where state in ('pending', 'claimed', 'waiting')"
        with stage.runtime.store.begin() as tx:
            return int(tx.execute(text(query)).scalar_one())

    @property
    def _engine(self) -> EngineApi:
        assert self._api is not None
        return self._api

    def _of(self, *events: HookEvent) -> list[Told]:
        return [told for told in list(self._subscriber.told.values()) if told.body["event"] in events]


def _rank(status: str) -> int:
    """Failed stands above what was only sent (law 7)."""
    return _LADDER.index(status) if status in _LADDER else 1


def _row(index: int) -> dict[str, str]:
    """As the vendors' simulators make their people up."""
    told = {
        "external_id": f"L-{index}",
        "full_name": made_up.family_name(index) + made_up.given_name(index),
        "phone": made_up.phone(index),
        "email": made_up.email(index),
        "city": made_up.city(index),
    }
    return {name: value for name, value in told.items() if value is not None}
