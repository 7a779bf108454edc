"""What a simulated organisation is like: secrets fixed at start, behaviour adjustable while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.settings import Settings

#: All that the adapter needs.
SCOPES = frozenset(
    {
        "ZohoCRM.modules.ALL",
        "ZohoCRM.settings.fields.READ",
        "ZohoCRM.coql.READ",
        "ZohoCRM.notifications.ALL",
        "ZohoSearch.securesearch.READ",
    }
)


@dataclass(slots=True)
class Limits:
    """The organisation's limits; 0 switches one off.

    `tokens` are given out in `token_seconds`, `credits` used in a day, `concurrent` requests served at a time. `paged`
    records are listed by page number, `chained` by page tokens, each good for `page_token_seconds`.
    """

    tokens: int = 10
    token_seconds: float = 600.0
    credits: int = 50_000
    concurrent: int = 15
    paged: int = 2_000
    chained: int = 100_000
    page_token_seconds: float = 86_400.0


@dataclass(slots=True)
class Behaviour(Settings):
    """Everything that `POST /_sim/settings` can change while the organisation runs. `latency` is how many seconds every
    answer takes, `token_life` how many an access token lives, `index_lag` how far the search lags behind;
    `messages_module` and `case_refs` say whether the company made the module and the field that the engine likes to
    have."""

    limits: Limits = field(default_factory=Limits)
    latency: float = 0.0
    token_life: float = 3_600.0
    index_lag: float = 0.0
    messages_module: bool = True
    case_refs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ZohoConfig:
    """One organisation. `contacts` are made up at the start (see `seeds`), `stamp_step` seconds apart in the time of
    their last change; 0 gives all of them one moment. `faults` are in force from the start; `seed` makes chance
    repeatable. `api_domain` is told with every token, by default the simulator's own address."""

    client_id: str = "1000.SIMULATOR"
    client_secret: str = "simulator-zoho-secret"
    refresh_token: str = "1000.simulator.refresh"
    api_domain: str = ""
    contacts: int = 0
    stamp_step: int = 1
    scopes: frozenset[str] = SCOPES
    faults: Sequence[Mapping[str, Any]] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    host: str = "127.0.0.1"
    port: int = 0
    seed: int | None = None
