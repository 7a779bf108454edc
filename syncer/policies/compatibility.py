"""Which versions of the WhatsApp API this engine speaks (R1).

Two families carry the name. The On-Premises API (2.x) ran on the company's own servers; it ended on 2025-10-23, and
generations older than 2.39 had expired before. The Cloud API is the Graph API, whose versions (v25.0) live about two
years; an older one is answered as the oldest that still lives, with surprises.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]{1,5})?")
ON_PREMISES = 2
OLDEST_ON_PREMISES = (2, 39)
#: Released in October 2024; the platform serves nothing older any more.
OLDEST_CLOUD = 21


def objection(version: str) -> str | None:
    """Why this API version cannot be used, in one sentence; None when it can."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return f"{version!r} is no API version; a Cloud API version looks like v25.0"
    major, minor = int(found[1]), int(found[2])
    if major == ON_PREMISES and (major, minor) < OLDEST_ON_PREMISES:
        return f"On-Premises API {major}.{minor} is older than 2.39, the last generation supported; use the Cloud API"
    if major == ON_PREMISES:
        return f"On-Premises API {major}.{minor}: that API ended on 2025-10-23; use the Cloud API, such as v25.0"
    if major < OLDEST_CLOUD:
        return f"Graph API v{major}.{minor} has expired; use v{OLDEST_CLOUD}.0 or newer, such as v25.0"
    return None
