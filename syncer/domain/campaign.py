"""Campaigns: one approved template to many customers, planned once, sent in batches of at most 100 (R27)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CampaignState(StrEnum):
    """`done` is derived from its messages, all of which have ended."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a campaign's message, with that person's template parameters, frozen at planning."""

    contact_id: int
    parameters: tuple[str, ...]
