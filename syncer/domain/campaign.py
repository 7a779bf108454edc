"""Campaigns: one approved template to many customers, planned once, sent in batches of at most 100 (R27)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.template import ButtonParameter, HeaderMedium


class CampaignState(StrEnum):
    """`done` is derived from its messages, all of which have ended."""

    RUNNING = "running"
    PAUSED = "paused"  #: by a person
    HELD = "held"  #: its template may not be sent now; goes on by itself when it may again
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a campaign's message, with that person's values, as `Template.fill` takes them; frozen at planning."""

    contact_id: int
    parameters: tuple[str, ...] | Mapping[str, str]
    header: str | HeaderMedium | None = None
    buttons: tuple[ButtonParameter, ...] = ()
