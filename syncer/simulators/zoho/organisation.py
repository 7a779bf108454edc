"""One simulated organisation put together: its modules, its users, its door, its watch channels."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from syncer.simulators.faults import FaultPlan
from syncer.simulators.zoho import moments
from syncer.simulators.zoho.config import ZohoConfig
from syncer.simulators.zoho.gate import Gate
from syncer.simulators.zoho.records import Collection, Record
from syncer.simulators.zoho.schema import schemas, unknown_module
from syncer.simulators.zoho.seeds import FIRST_ID, Seeds

Listener = Callable[[str, str, list[str]], None]
"""Told of a module, what was done there (insert, update, delete), and the ids."""


class Organisation:
    """Everything that a route or a control command works on. `requests` counts them by route, `workflows` the records
    whose writing set off the company's own automations."""

    def __init__(self, config: ZohoConfig) -> None:
        self.config = config
        self.behaviour = copy.deepcopy(config.behaviour)
        self.requests: Counter[str] = Counter()
        self.workflows = 0
        self.chains: dict[str, Any] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.heard: Listener = lambda module, operation, ids: None
        self.seed(config.contacts, config.stamp_step)
        for spec in config.faults:
            self.faults.add(spec)

    def seed(self, contacts: int, stamp_step: int) -> None:
        """Back to the start, with that many made-up contacts; settings stay."""
        self.faults = FaultPlan(random.Random(self.config.seed))
        self.gate = Gate(self.config, self.behaviour)
        self.users: dict[str, dict[str, str]] = {
            "1": {"name": "林業務", "id": "1", "email": "lin@example.com"},
            "2": {"name": "Mei Chen", "id": "2", "email": "service@example.com"},
        }
        self.workflows = 0
        self.chains.clear()
        self.channels.clear()
        self.modules: dict[str, Collection] = {}
        for place, (module, schema) in enumerate(schemas(self.behaviour).items()):
            made_up = Seeds(contacts if module == "Contacts" else 0, stamp_step)
            self.modules[module] = Collection(schema, made_up, FIRST_ID + place * 10**9)

    def module(self, name: str) -> Collection:
        """The records of one module; raises INVALID_MODULE."""
        if name not in self.modules:
            raise unknown_module(name)
        return self.modules[name]

    def exists(self, module: str, record_id: object) -> bool:
        """Whether a lookup may lead there."""
        if module == "users":
            return str(record_id) in self.users
        return module in self.modules and self.modules[module].find(record_id) is not None

    def shown(self, collection: Collection, row: Record, names: list[str]) -> dict[str, Any]:
        """A record with the fields asked for, in the order of the module's; unknown ones are passed over."""
        wanted = set(names)
        told: dict[str, Any] = {"id": str(row.id)}
        for name, known in collection.schema.fields.items():
            if name in wanted and name != "id":
                told[name] = self._value(row, name, known.type)
        return told

    def _value(self, row: Record, name: str, kind: str) -> Any:
        match name:
            case "Owner" | "Created_By" | "Modified_By":
                return self.users.get(row.owner)
            case "Created_Time":
                return moments.shown(row.created)
            case "Modified_Time":
                return moments.shown(row.modified)
            case "Tag":
                return [
                    {"name": label, "id": str(900 + place), "color_code": None} for place, label in enumerate(row.tags)
                ]
            case "Full_Name":
                return " ".join(filter(None, (row.values.get("First_Name"), row.values.get("Last_Name"))))
        value = row.values.get(name)
        if kind == "lookup" and isinstance(value, dict):
            other = self.modules["Contacts"].find(value["id"])
            shown = {"name": other.values.get("Last_Name") if other else value.get("name"), "id": value["id"]}
            # A note says of what it is one; people write them on deals and leads too.
            module = {"module": value.get("module") or {"api_name": "Contacts", "id": "1"}}
            return shown | (module if name == "Parent_Id" else {})
        return value
