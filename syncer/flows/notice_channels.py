"""Channels over which a CRM tells us of changes, and which end unless they are renewed (Zoho's live for a week)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.errors import DeliveryError
from syncer.ports import Clock, NoticeChannels
from syncer.store import alerts
from syncer.store.session import Store

log = logging.getLogger(__name__)


def alert_key(crm: str) -> str:
    """Under which channels that cannot be renewed are an alert."""
    return f"notices:{crm}"


@dataclass(frozen=True)
class ChannelKeeping:
    """Keeps the channels of `crms` open to `public_url`. While one is closed, changes are found by polling."""

    store: Store
    crms: Mapping[str, NoticeChannels]
    public_url: str
    clock: Clock

    def renew(self) -> dict[str, datetime | None]:
        """Ask each CRM to go on telling, or to begin; returns until when each does, None for one that refused."""
        return {name: self._renew(name, crm) for name, crm in self.crms.items()}

    def _renew(self, name: str, crm: NoticeChannels) -> datetime | None:
        try:
            until = crm.renew_channels(f"{self.public_url}/webhooks/{name}", self.clock.now())
        except DeliveryError as error:
            message = f"{name} does not promise to tell us of changes, which are found by polling only: {error}"
            with self.store.begin() as tx:
                alerts.sound(tx, alert_key(name), message, self.clock.now())
            return None
        with self.store.begin() as tx:
            alerts.end(tx, alert_key(name), self.clock.now())
        log.info("%s tells us of changes until %s", name, until.isoformat())
        return until
