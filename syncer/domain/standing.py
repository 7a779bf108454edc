"""How a CRM stands with us: asked freely, left in peace, or asked by one for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """`failures` calls in a row were not served. `open_since` is None while the CRM is asked freely; otherwise nobody
    asks before `retry_at`, and until `probe_until` somebody asks for all. `refused` names what it refuses our
    credentials for."""

    failures: int = 0
    open_since: datetime | None = None
    retry_at: datetime | None = None
    probe_until: datetime | None = None
    refused: frozenset[str] = frozenset()
