"""The simulated platform put together: one object per concern, all in one event loop."""

from __future__ import annotations

import copy
import random

from syncer.simulators.faults import FaultPlan
from syncer.simulators.whatsapp.callbacks import Outbox
from syncer.simulators.whatsapp.catalogue import Catalogue
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.errors import GraphError, unknown_object
from syncer.simulators.whatsapp.failures import FailurePlan
from syncer.simulators.whatsapp.gate import Gate
from syncer.simulators.whatsapp.limits import RateLimits
from syncer.simulators.whatsapp.log import Journal
from syncer.simulators.whatsapp.marketing import MarketingFlags
from syncer.simulators.whatsapp.media_store import MediaStore
from syncer.simulators.whatsapp.registration import Codes
from syncer.simulators.whatsapp.reviews import ReviewPlan
from syncer.simulators.whatsapp.schedule import Schedule
from syncer.simulators.whatsapp.seeds import TEMPLATES
from syncer.simulators.whatsapp.state import BusinessNumber, Customer, World
from syncer.simulators.whatsapp.statuses import StatusLife


class Platform:
    """Everything that a route or a control command works on. `schedule` holds messages under way, `calendar` what
    happens to the account in minutes or weeks."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.rng = random.Random(config.seed)
        self.behaviour = copy.deepcopy(config.behaviour)
        self.schedule = Schedule()
        self.calendar = Schedule()
        self.faults = FaultPlan(self.rng)
        self.world = World(config)
        self.catalogue = Catalogue(TEMPLATES if config.templates is None else config.templates, self.behaviour.account)
        self.reviews = ReviewPlan()
        self.gate = Gate(config.access_token, self.behaviour.account)
        self.codes = Codes(self.behaviour.account, self.rng)
        self.journal = Journal(config.log_limit)
        self.limits = RateLimits(self.behaviour.limits)
        self.failures = FailurePlan(self.rng)
        self.media = MediaStore(self.behaviour.media)
        self.marketing = MarketingFlags()
        self.outbox = Outbox(
            config,
            self.behaviour.callbacks,
            self.world.callback_for,
            self.schedule,
            self.faults,
            self.journal,
            self.rng,
        )
        self.life = StatusLife(self.behaviour.statuses, self.world, self.schedule, self.outbox, self.journal, self.rng)
        self._seed_faults()

    def reset(self) -> None:
        """Back to the start: logs, customers, windows, templates, faults and settings; nothing under way is told."""
        for part in (self.schedule, self.calendar, self.outbox, self.journal, self.limits, self.faults):
            part.clear()
        for desk in (self.reviews, self.gate, self.codes):
            desk.clear()
        for plan in (self.failures, self.media, self.marketing):
            plan.clear()
        self.world.reset()
        self.catalogue.reset()
        fresh = copy.deepcopy(self.config.behaviour)
        for section in fresh.__slots__:
            target, source = getattr(self.behaviour, section), getattr(fresh, section)
            for name in source.__slots__:
                setattr(target, name, getattr(source, name))
        self._seed_faults()

    def in_window(self, number: BusinessNumber, customer: Customer, now: float) -> bool:
        """Whether the customer service window is open."""
        return self.world.in_window(number.id, customer, now, self.behaviour.limits.window_seconds)

    def need_account(self, node: str, method: str) -> None:
        """Raise 100/33 unless this is the id of the WhatsApp Business Account."""
        if node != self.config.waba_id:
            raise unknown_object(node, method)

    async def check_callback(self, url: str, verify_token: str) -> None:
        """Raise 2200 unless the address answers the handshake."""
        ok, status, said = await self.outbox.handshake(url, verify_token)
        if not ok:
            text = (
                f"(#2200) Callback verification failed with the following errors: HTTP Status Code = {status}; {said}"
            )
            raise GraphError(2200, message=text)

    def registered(self) -> bool:
        """Whether any number is in service."""
        return any(number.status == "CONNECTED" for number in self.world.numbers.values())

    def _seed_faults(self) -> None:
        for spec in self.config.faults:
            self.faults.add(spec)
