"""What of a recorded message has to change (law 7): the same rules for every CRM, whatever it keeps messages in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from syncer.domain.status import Ladder, Status, StatusUpdate

#: What belongs to the status and is kept or replaced together with it.
OF_STATUS = ("status", "status_at", "error")
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


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
