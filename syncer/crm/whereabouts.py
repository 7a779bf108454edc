"""What is told of a message or task that was refused: also what became of the contact that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from syncer.domain.crm_record import CrmMessage, CrmTask, Fate, WriteResult
from syncer.domain.errors import DeliveryError


class Outcome(Protocol):
    """What became of one record."""

    @property
    def error(self) -> DeliveryError | None:
        """Why it was not written."""


class Reader(Protocol):
    """Who knows what became of contacts."""

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """Of these, in their order."""


def results(
    reader: Reader,
    items: Sequence[CrmMessage] | Sequence[CrmTask],
    outcomes: Mapping[str, Outcome],
    is_missing: Callable[[Exception | None], bool],
    silence: DeliveryError,
) -> list[WriteResult]:
    """The outcomes, by ref, as the flows are told of them. A record that is refused since something is missing may be
    refused for its contact: that one is looked up. An item without an outcome gets `silence`. Raises as `look_up`."""
    missing = {ref for ref, outcome in outcomes.items() if is_missing(outcome.error)}
    lost = {item.crm_contact_id for item in items if item.crm_contact_id and item.ref in missing}
    fates = {fate.crm_id: fate for fate in reader.look_up(sorted(lost))} if lost else {}
    found = []
    for item in items:
        outcome, fate = outcomes.get(item.ref), fates.get(item.crm_contact_id or "")
        error = silence if outcome is None else outcome.error
        if item.ref in missing and fate is not None and fate.row is None:
            found.append(WriteResult(item.ref, error=error, into=fate.into, gone=fate.into is None))
        else:
            found.append(WriteResult(item.ref, error=error))
    return found
