"""Customers by the word of an integration: one or a hundred at once, by whatever key the caller has."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Response
from pydantic import Field

from config.contact_fields import CONTACT_FIELDS, READ_ONLY
from config.errors import did_you_mean
from config.values import ApiKey
from syncer import parts
from syncer.domain.text import storable
from syncer.flows.contacts.upserts import CREATED, REFUSED, Upserted
from syncer.web.api.shared import Joined, View
from syncer.web.auth import needs
from syncer.web.problems import Problem, ProblemDetails

router = APIRouter(prefix="/contacts", tags=["contacts"])
Caller = Annotated[ApiKey, Depends(needs("contacts"))]

#: Fields that an integration may give: all but those that only a CRM knows of its own record.
FIELDS = (frozenset(CONTACT_FIELDS) - READ_ONLY) | {"external_id"}
MOST = 100
Fields = dict[str, Any]
Given = Annotated[
    Fields | Annotated[list[Fields], Field(min_length=1, max_length=MOST)],
    Body(
        description="Contact fields by name, and `custom.*` fields of the company's own: one contact, or up to 100. "
        "`external_id` (the caller's own key), `phone` or `email` says who it is. null empties a field, an empty text "
        "says nothing.",
        openapi_examples={
            "one": {"value": {"phone": "0912-345-678", "full_name": "王小明", "tags": ["lead"]}},
            "several": {"value": [{"external_id": "L-1", "email": "amy@example.com"}, {"phone": "+886987654321"}]},
        },
    ),
]


class Taken(View):
    """`result`: created, updated, unchanged or refused - then `problem` says why, and the others are in all the same.
    `id` is the contact's number, `key` what the row is known by: its external_id, else its phone, else its address."""

    result: str
    id: int | None = None
    key: str | None = None
    problem: ProblemDetails | None = None


@router.post("", summary="Create or update contacts", responses={201: {"model": Taken}})
def upsert(
    given: Given,
    answer: Response,
    caller: Caller,
    runtime: Joined,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)] = None,
) -> Taken | list[Taken]:
    """Cleaned, merged with what the CRMs say of the same person, and told to them. An array is answered with an array,
    in its order. The same `Idempotency-Key` changes nothing more and is answered as the first time, for 7 days; with
    another body it is refused."""
    several = given if isinstance(given, list) else [given]
    key = storable(idempotency_key) if idempotency_key else None
    done = parts.upserts(runtime, FIELDS).put(several, caller.name, key)
    if isinstance(given, list):
        return [_taken(one) for one in done]
    if done[0].result == REFUSED:
        details = problem(done[0])
        raise Problem(details.status, details.detail or "", errors=details.errors)
    answer.status_code = 201 if done[0].result == CREATED else 200
    return _taken(done[0])


def _taken(one: Upserted) -> Taken:
    details = problem(one) if one.result == REFUSED else None
    return Taken(result=one.result, id=one.contact_id, key=one.key, problem=details)


def problem(one: Upserted) -> ProblemDetails:
    """Where and why, but never the value: it may be a customer's."""
    errors = [{"at": f"body.{name}", "detail": why} for name, why in one.problems.items()]
    errors += [
        {"at": f"body.{name}", "detail": f"is no contact field; {did_you_mean(name, FIELDS)}"} for name in one.unknown
    ]
    detail = "the contact is not of the documented form"
    return ProblemDetails(title="Unprocessable Entity", status=422, detail=detail, errors=errors)
