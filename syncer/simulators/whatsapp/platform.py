"""The simulated platform put together: one object per concern, all in one event loop."""

from __future__ import annotations

import copy
import random

from syncer.simulators.faults import FaultPlan
from syncer.simulators.whatsapp.callbacks import Outbox
from syncer.simulators.whatsapp.catalogue import Catalogue
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.limits import RateLimits
from syncer.simulators.whatsapp.log import Journal
from syncer.simulators.whatsapp.schedule import Schedule
from syncer.simulators.whatsapp.seeds import TEMPLATES
from syncer.simulators.whatsapp.state import BusinessNumber, Customer, World
from syncer.simulators.whatsapp.statuses import StatusLife


class Platform:
    """Everything that a route or a control command works on."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.rng = random.Random(config.seed)
        self.behaviour = copy.deepcopy(config.behaviour)
        self.schedule = Schedule()
        self.faults = FaultPlan(self.rng)
        self.world = World(config)
        self.catalogue = Catalogue(TEMPLATES if config.templates is None else config.templates)
        self.journal = Journal(config.log_limit)
        self.limits = RateLimits(self.behaviour.limits)
        self.outbox = Outbox(
            config,
            self.behaviour.callbacks,
            lambda: self.world.callback_url,
            self.schedule,
            self.faults,
            self.journal,
            self.rng,
        )
        self.life = StatusLife(self.behaviour.statuses, self.world, self.schedule, self.outbox, self.journal, self.rng)
        self._seed_faults()

    def reset(self) -> None:
        """Back to the start: logs, customers, windows, templates, faults and settings; nothing under way is told."""
        for part in (self.schedule, self.outbox, self.journal, self.limits, self.faults):
            part.clear()
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

    def _seed_faults(self) -> None:
        for spec in self.config.faults:
            self.faults.add(spec)
