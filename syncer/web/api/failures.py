"""Dead letters: what the engine could not settle by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from config.values import ApiKey
from syncer import parts
from syncer.flows.failures import NoLongerOpen
from syncer.web.api.shared import Joined, NumberInPath, View
from syncer.web.auth import needs
from syncer.web.problems import Problem, absent

router = APIRouter(prefix="/failures", tags=["failures"])
Caller = Annotated[ApiKey, Depends(needs("failures"))]


class Failure(View):
    """`subject` and `subject_id` say what it is about: an `inbox` item, an `outgoing` message, a `crm_write`. A person
    should have decided before `deadline_at`."""

    id: int
    subject: str
    subject_id: int
    error_code: str | None
    reason: str
    created_at: datetime
    deadline_at: datetime
    alarmed_at: datetime | None


class Decided(View):
    """What was decided."""

    id: int
    resolution: str


@router.get("", summary="What waits for a person")
def listing(caller: Caller, runtime: Joined, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Failure]:
    """Open dead letters, the nearest deadline first."""
    return [Failure.model_validate(row) for row in parts.lookups(runtime).failures(limit)]


@router.post("/{id}/replay", status_code=202, summary="Try once more", responses={404: {}, 409: {}})
def replay(number: NumberInPath, caller: Caller, runtime: Joined) -> Decided:
    """With a fresh round of attempts and under the same key: what did happen meanwhile is recognised, not repeated."""
    return _decide(parts.failures(runtime).replay, number, "replayed")


@router.post("/{id}/discard", summary="Never try it again", responses={404: {}, 409: {}})
def discard(number: NumberInPath, caller: Caller, runtime: Joined) -> Decided:
    """A message to a customer then ends as failed."""
    return _decide(parts.failures(runtime).discard, number, "discarded")


def _decide(decision: Callable[[int], None], number: int, resolution: str) -> Decided:
    try:
        decision(number)
    except LookupError:
        raise absent("failure", number) from None
    except NoLongerOpen as error:
        raise Problem(409, str(error)) from error
    return Decided(id=number, resolution=resolution)
