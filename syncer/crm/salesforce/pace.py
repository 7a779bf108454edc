"""What Salesforce says of the org's calls of 24 hours, which everybody shares who uses the org."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping

from syncer.crm.pace import Left, Pace, Sleep
from syncer.ports import Quota

#: The code by which Salesforce says that nobody shall ask for a while (HTTP 403).
ENOUGH = "REQUEST_LIMIT_EXCEEDED"
#: Reading in bulk waits this long for calls to run out of the 24 hours (seconds), and then looks again.
WAIT_SECONDS = 900.0
_HEADER = "Sforce-Limit-Info"
_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")


class SalesforcePace(Pace):
    """The pace of calls to one org."""

    def __init__(self, quota: Quota | None = None, sleep: Sleep = time.sleep) -> None:
        super().__init__("salesforce", told, quota, sleep)


def told(headers: Mapping[str, str]) -> Iterator[Left]:
    """What an answer's header says (`api-usage=18/100000`)."""
    found = _USAGE.search(headers.get(_HEADER, ""))
    if found:
        used, most = int(found[1]), int(found[2])
        yield Left(most - used, most, WAIT_SECONDS)
