"""What the adapters of all processes share, and what is counted of their calls: handed to each when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.crm.exchange import Meter
from syncer.crm.tokens import Tokens
from syncer.ports import Quota


@dataclass(frozen=True, slots=True)
class Shared:
    """`tokens` for a vendor who gives out few of them, `quota` of what may be asked, `meter` for whoever counts. What
    is missing each process does for itself."""

    tokens: Tokens | None = None
    quota: Quota | None = None
    meter: Meter | None = None


#: Of somebody who speaks with a CRM alone.
ALONE = Shared()
