"""Contact sync on request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from config.values import ApiKey
from syncer.domain.errors import Unreachable
from syncer.monitoring import probes
from syncer.web.api.shared import Body, Joined, View
from syncer.web.auth import needs
from syncer.web.problems import Problem

router = APIRouter(prefix="/sync", tags=["sync"])
Caller = Annotated[ApiKey, Depends(needs("sync"))]


class Wish(Body):
    """Which CRM's contacts; all of them when none is named."""

    crm: str | None = None


class Rung(View):
    """The CRMs whose sync was asked for. One that is running already is not begun again."""

    crms: list[str]


@router.post("", status_code=202, summary="Sync contacts now")
def sync(caller: Caller, runtime: Joined, wish: Wish | None = None) -> Rung:
    """Ask the sync workers to begin at once instead of at the next interval."""
    names = runtime.settings.crm.names
    wanted = [wish.crm] if wish and wish.crm else list(names)
    if not set(wanted) <= set(names):
        raise Problem(422, f"there is no CRM {wanted[0]!r}; known: {', '.join(names)}")
    try:
        # No row waits for a sweeper here: without a broker nobody would hear of this wish.
        probes.broker(runtime.services.redis_url)
    except Unreachable as error:
        raise Problem(503, str(error), headers={"Retry-After": "5"}) from error
    for crm in wanted:
        runtime.jobs.ring("sync", crm)
    return Rung(crms=wanted)
