"""What a simulated org is like: secrets fixed at start, behaviour adjustable while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.settings import Settings

#: Versions of the API that are served.
VERSIONS = range(60, 69)


@dataclass(slots=True)
class Behaviour(Settings):
    """Everything that `POST /_sim/settings` can change while the org runs.

    `calls_most` calls in 24 hours (0: no limit; `calls_used` of them are used already), `page_most` records of one
    answer to a query, `batch_most` of one collection; `bulk_seconds` a job takes; `token_seconds` a token lives (0:
    until it is ended); `latency` every answer takes; `scan_most` how many records a query without an index looks at
    before it times out; `push_retry` the seconds before an outbound message without its acknowledgement comes again,
    doubled each time.
    """

    calls_most: int = 100_000
    calls_used: int = 0
    page_most: int = 2_000
    batch_most: int = 200
    bulk_seconds: float = 0.0
    token_seconds: float = 0.0
    latency: float = 0.0
    scan_most: int = 100_000
    push_retry: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceConfig:
    """One org. `contacts` are made up at the start (see `seeds`), `stamp_step_ms` apart in the time of their last
    change; 0 gives all of them one moment. `public_key` (PEM) is what signed requests for tokens are checked with.
    `message_object`: whether the org has `WA_Message__c`. Outbound messages go to `outbound_url`. `faults` are in force
    from the start; `seed` makes chance repeatable."""

    client_id: str = "simulator-salesforce-client"
    client_secret: str = "simulator-salesforce-secret"
    username: str = "syncer@example.com"
    public_key: str = ""
    organisation: str = "00DSIM000000001"
    scope: str = "api"
    contacts: int = 0
    stamp_step_ms: int = 1_000
    message_object: bool = False
    outbound_url: str = ""
    faults: Sequence[Mapping[str, Any]] = ()
    behaviour: Behaviour = field(default_factory=Behaviour)
    host: str = "127.0.0.1"
    port: int = 0
    seed: int | None = None
