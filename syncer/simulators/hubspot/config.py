"""What a simulated portal is like: secrets fixed at start, behaviour adjustable while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.settings import Settings

#: Versions that are served (a new one each March and September, about 18 months long).
VERSIONS = ("2026-03", "2026-09")
#: All that the adapter needs, by HubSpot's names.
SCOPES = frozenset(
    {
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.schemas.contacts.read",
        "crm.schemas.contacts.write",
        "crm.objects.owners.read",
        "sales-email-read",
        "tickets",
    }
)


@dataclass(slots=True)
class Limits:
    """The account's limits (usage guidelines page); 0 switches one off.

    `burst` requests in `interval_seconds` (190 in 10 s for Professional and Enterprise), `daily` a day, `searches`
    per second. `hits_most` results of one search can be paged through, `batch_most` inputs go into one batch.
    """

    burst: int = 190
    interval_seconds: float = 10.0
    daily: int = 1_000_000
    searches: int = 5
    hits_most: int = 10_000
    batch_most: int = 100


@dataclass(slots=True)
class Behaviour(Settings):
    """Everything that `POST /_sim/settings` can change while the portal runs. `index_lag` is how many seconds a search
    is behind the objects; `latency` how many every answer takes; `custom_properties` whether properties can be made on
    activities; `push_retry` the seconds before a webhook that was not taken comes again, doubled each time (HubSpot's
    own are minutes)."""

    limits: Limits = field(default_factory=Limits)
    index_lag: float = 0.0
    latency: float = 0.0
    custom_properties: bool = True
    push_retry: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotConfig:
    """One portal. `contacts` are made up at the start (see `seeds`), `stamp_step_ms` apart in the time of their last
    change; 0 gives all of them one moment. Changes are told to `webhook_url`, as the app with `app_id`. `faults` are in
    force from the start; `seed` makes chance repeatable."""

    access_token: str = "simulator-hubspot-token"
    client_secret: str = "simulator-hubspot-secret"
    portal_id: int = 62_515
    app_id: int = 1_160_452
    webhook_url: str = ""
    contacts: int = 0
    stamp_step_ms: int = 1_000
    scopes: frozenset[str] = SCOPES
    faults: Sequence[Mapping[str, Any]] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    host: str = "127.0.0.1"
    port: int = 0
    seed: int | None = None
