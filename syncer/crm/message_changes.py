"""What a message says, and what of a recorded one has to change (law 7): the same rules for every CRM, whatever it
keeps messages in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncer.crm import moments
from syncer.domain.crm_record import CrmMessage
from syncer.domain.status import Ladder, Status, StatusUpdate
from syncer.domain.text import shorten, storable

#: What belongs to the status and is kept or replaced together with it.
OF_STATUS = ("status", "status_at", "error")
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)

Values = dict[str, str | None]
"""What a message says, by the names of `CrmMessage`, as a CRM keeps it: in texts."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message that is there: the record's id and what it says, by the names of `CrmMessage`."""

    id: str
    values: Mapping[str, Any]


def may_be_there(message: CrmMessage) -> bool:
    """Whether it is worth looking for the record of a message before making one. One to which nothing has happened yet
    is hardly ever there: to look first would double the calls, and a CRM that keeps references unique says so. The
    record of one that was written in this CRM to be sent is there from the beginning."""
    return message.written_there or message.status not in (None, Status.ACCEPTED)


def said(
    message: CrmMessage, roles: Iterable[str], moment_text: Callable[[datetime], str], longest: Callable[[str], int]
) -> Values:
    """What the message says in these roles: a moment as the CRM writes one, a text cut to the `longest` that the role's
    field holds."""

    def told(role: str) -> str | None:
        value = getattr(message, role)
        if isinstance(value, datetime):
            return moment_text(value)
        return None if value is None else shorten(storable(str(value)), longest(role))

    return {role: told(role) for role in roles}


def as_written(value: Any, moment_text: Callable[[datetime], str]) -> Any:
    """A moment that comes back in whatever form and zone the CRM likes, as we write one; anything else as it is."""
    found = moments.moment(value) if value else None
    return moment_text(found) if found else value


def difference(known: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to write, of `known` (what the CRM has; absent where it keeps no such field) and `new`, both by the
    names of `CrmMessage`.

    A value we do not have never erases one, an error excepted, and the status only climbs: two workers may write one
    message in the wrong order. A send that was given up and turns out to have been accepted after all begins anew.
    """
    revived = known.get("wamid", "") is None and new.get("wamid") is not None
    kept = OF_STATUS if _falls(known.get("status"), new.get("status")) and not revived else ()
    return {
        name: value
        for name, value in new.items()
        if name in known and name not in kept and known[name] != value and (value is not None or name == "error")
    }


def _falls(old: str | None, new: str | None) -> bool:
    if old not in set(Status) or new not in set(Status):
        return False
    return Ladder(Status(old)).climb(StatusUpdate("", "", Status(new), _ANY_MOMENT)).status != new
