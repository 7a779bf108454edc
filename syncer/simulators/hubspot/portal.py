"""One simulated portal put together: its objects, their index, its people, its door."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from syncer.simulators.faults import FaultPlan
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.simulators.hubspot.errors import HubError
from syncer.simulators.hubspot.gate import Gate
from syncer.simulators.hubspot.index import Index
from syncer.simulators.hubspot.people import Owner, owners
from syncer.simulators.hubspot.records import Collection, Record
from syncer.simulators.hubspot.schema import KINDS, schemas
from syncer.simulators.hubspot.seeds import Seeds


class Portal:
    """Everything that a route or a control command works on. `requests` counts them by route. What happens to records
    is told to `webhook_url`, if there is one, as far as the `subscriptions` go, signed with `webhook_secret`."""

    def __init__(self, config: HubSpotConfig) -> None:
        self.config = config
        self.behaviour = copy.deepcopy(config.behaviour)
        self.requests: Counter[str] = Counter()
        self.webhook_url, self.webhook_secret = config.webhook_url, config.client_secret
        self.subscriptions: Sequence[Mapping[str, Any]] = ()
        self.heard: Callable[[str, str, Record, Mapping[str, Any]], None] = lambda kind, what, row, told: None
        self.seed(config.contacts, config.stamp_step_ms)
        for spec in config.faults:
            self.faults.add(spec)

    def seed(self, contacts: int, stamp_step_ms: int) -> None:
        """Back to the start, with that many made-up contacts; settings stay."""
        self.faults = FaultPlan(random.Random(self.config.seed))
        self.gate = Gate(self.config.access_token, self.config.scopes, self.behaviour.limits)
        self.owners: dict[int, Owner] = owners()
        self.objects: dict[str, Collection] = {}
        self.index: dict[str, Index] = {}
        for kind, schema in schemas().items():
            made_up = Seeds(contacts, stamp_step_ms) if kind == "contacts" else None
            self.objects[kind] = Collection(schema, made_up)
            self.objects[kind].heard = partial(self._tell, kind)
            self.index[kind] = Index(self.objects[kind], lambda: self.behaviour.index_lag)

    def _tell(self, kind: str, what: str, row: Record, told: Mapping[str, Any]) -> None:
        self.heard(kind, what, row, told)

    def collection(self, kind: str) -> Collection:
        """The records of one kind, which may be called by its object type id; raises 400 for an unknown one."""
        name = _TYPE_IDS.get(kind, kind)
        if name not in self.objects:
            raise HubError(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
        return self.objects[name]


#: Object type id -> kind.
_TYPE_IDS = dict(zip(("0-1", "0-18", "0-5", "0-27", "0-46"), KINDS, strict=True))
