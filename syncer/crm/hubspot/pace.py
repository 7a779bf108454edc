"""What HubSpot says of the calls that are left: of the last ten seconds and of the day. Of searches it says nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from syncer.crm.pace import Left, Pace, Sleep
from syncer.ports import Quota

#: Searches have a budget of their own, of the whole account.
SEARCH = "search"
#: Seconds for which a live search waits for its turn. A batch of strangers takes several, of three a second for all
#: workers: one that gives up has searched for nothing. It is no Celery worker's slot that waits (`tasks.abreast`).
SEARCH_PATIENCE = 5.0
#: Statuses by which HubSpot says that nobody shall ask for a while: a limit, and an account that is being moved.
ENOUGH = (429, 477)
#: Header with what is left, header with the limit, and how long reading in bulk rests when only the reserve is left
#: (seconds): the ten seconds roll on, the day ends at midnight in the account's own zone.
_BUDGETS = (
    ("X-HubSpot-RateLimit-Remaining", "X-HubSpot-RateLimit-Max", 1.0),
    ("X-HubSpot-RateLimit-Daily-Remaining", "X-HubSpot-RateLimit-Daily", 900.0),
)
_MOST, _SPAN = "X-HubSpot-RateLimit-Max", "X-HubSpot-RateLimit-Interval-Milliseconds"
#: A longer span is none of a rolling limit (seconds).
_LONGEST_SPAN = 60.0


class HubSpotPace(Pace):
    """The pace of calls to one account."""

    def __init__(self, quota: Quota | None = None, sleep: Sleep = time.sleep) -> None:
        super().__init__("hubspot", told, quota, sleep, allows=allows, patience={SEARCH: SEARCH_PATIENCE})


def told(headers: Mapping[str, str]) -> Iterator[Left]:
    """What an answer's headers say is left."""
    for left, most, seconds in _BUDGETS:
        try:
            yield Left(int(headers[left]), int(headers[most]), seconds)
        except (KeyError, ValueError):
            continue


def allows(headers: Mapping[str, str]) -> tuple[int, float] | None:
    """The account's own limit, which depends on its edition: calls, and in how many seconds."""
    try:
        most, span = int(headers[_MOST]), int(headers[_SPAN]) / 1000
    except (KeyError, ValueError):
        return None
    return (most, span) if most > 0 and 0 < span <= _LONGEST_SPAN else None
