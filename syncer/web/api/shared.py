"""What every router uses: the runtime, the caller's key, numbers and times in a path or a body."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from syncer.bootstrap import Runtime

#: The largest number that a column of ours holds.
_LARGEST = 2**63 - 1


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Joined = Annotated[Runtime, Depends(_runtime)]
Number = Annotated[int, Field(ge=1, le=_LARGEST)]
NumberInPath = Annotated[int, Path(alias="id", ge=1, le=_LARGEST)]
Moment = AwareDatetime
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the caller, one per message; the same key never sends twice",
    ),
]


class Body(BaseModel):
    """What a caller sends: a misspelt field is an error, not a wish that is ignored."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What a caller gets: made from rows by their names."""

    model_config = ConfigDict(from_attributes=True)


def past(moment: datetime | None, now: datetime) -> datetime:
    """`moment`, or now; a time to come is taken for now."""
    return min(moment, now) if moment else now


def fields(row: Any) -> dict[str, Any]:
    """A row as a dict of its columns."""
    return dict(row._mapping)
