"""One simulated org put together: its objects, its door, its jobs, and how a record is shown."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from syncer.simulators.faults import FaultPlan
from syncer.simulators.salesforce.config import SalesforceConfig
from syncer.simulators.salesforce.errors import SalesError, refused
from syncer.simulators.salesforce.gate import Gate
from syncer.simulators.salesforce.ids import number_of
from syncer.simulators.salesforce.records import Collection, Record
from syncer.simulators.salesforce.schema import Field, schemas
from syncer.simulators.salesforce.seeds import Seeds


class Org:
    """Everything that a route or a control command works on. `requests` counts them by route; `cursors` are queries
    whose answer goes on; `jobs` those of the Bulk API. Records that fulfil one of the `outbound_rules` are told to
    `outbound_url`, if there is one."""

    def __init__(self, config: SalesforceConfig) -> None:
        self.config = config
        self.behaviour = copy.deepcopy(config.behaviour)
        self.requests: Counter[str] = Counter()
        self.root = "/services/data/v67.0"
        self.outbound_url = config.outbound_url
        self.outbound_rules: Sequence[Mapping[str, Any]] = ()
        self.heard: Callable[[str, Record], None] = lambda kind, row: None
        self.seed(config.contacts, config.stamp_step_ms)
        for spec in config.faults:
            self.faults.add(spec)

    def seed(self, contacts: int, stamp_step_ms: int) -> None:
        """Back to the start, with that many made-up contacts; settings stay."""
        self.faults = FaultPlan(random.Random(self.config.seed))
        self.gate = Gate(self.config, self.behaviour)
        self.schemas = schemas(message_object=self.config.message_object)
        self.objects = {
            kind: Collection(schema, Seeds(contacts, stamp_step_ms) if kind == "Contact" else None)
            for kind, schema in self.schemas.items()
        }
        for kind, collection in self.objects.items():
            collection.heard = partial(self._tell, kind)
        self.objects["User"].begin_at(1)  # the first user is the one that the engine acts as
        engine = {"Username": self.config.username, "Name": "Syncer", "IsActive": True}
        self.user = self.objects["User"].create(engine).id
        self.cursors: dict[str, list[bytes]] = {}
        self.jobs: dict[str, Any] = {}

    def _tell(self, kind: str, row: Record) -> None:
        self.heard(kind, row)

    def collection(self, kind: str, code: str = "NOT_FOUND") -> Collection:
        """The records of one object; raises for one that there is not."""
        if kind not in self.objects:
            status = 404 if code == "NOT_FOUND" else 400
            raise SalesError(status, code, f"sObject type '{kind}' is not supported.")
        return self.objects[kind]

    def points(self, known: Field, value: str) -> None:
        """Raise the record's refusal unless the lookup `known` may hold this id."""
        found = number_of(value)
        kinds = [kind for kind in known.points_to if kind in self.objects]
        target = next((kind for kind in kinds if found and self.schemas[kind].prefix == found[0]), None)
        if target is None:
            raise refused("MALFORMED_ID", f"{known.name}: id value of incorrect type: {value}", known.name)
        row = self.objects[target].find(value)
        if row is None:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", known.name)
        if row.deleted:
            raise refused("ENTITY_IS_DELETED", "entity is deleted", known.name)
        if target == "User" and not row.values.get("IsActive"):
            raise refused("INACTIVE_OWNER_OR_USER", "operation performed with inactive user", known.name)

    def shown(self, collection: Collection, row: Record, names: Sequence[str]) -> dict[str, Any]:
        """A record with these fields in this order, those through lookups inside of them."""
        kind = collection.schema.kind
        told: dict[str, Any] = {"attributes": {"type": kind, "url": f"{self.root}/sobjects/{kind}/{row.id}"}}
        for name in names:
            relation, _, rest = name.rpartition(".")
            if not relation:
                told[name] = collection.value(row, name)
            elif (inner := self._through(collection, row, relation, rest)) is None:
                told.setdefault(relation, None)
            else:
                told[relation] = {**(told.get(relation) or {}), **inner}
        return told

    def _through(self, collection: Collection, row: Record, relation: str, name: str) -> dict[str, Any] | None:
        known = collection.schema.relation(relation)
        assert known is not None
        value = row.values.get(known.name)
        for kind in known.points_to:
            target = self.objects.get(kind)
            other = target.find(value) if target is not None and value else None
            if target is not None and other is not None:
                return self.shown(target, other, [name])
        return None
