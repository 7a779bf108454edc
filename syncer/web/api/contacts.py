"""Customers, their conversations and what they have consented to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import Field

from config.contact_fields import CONTACT_FIELDS, READ_ONLY
from config.errors import did_you_mean
from config.values import ApiKey
from syncer import parts
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.phone import PhoneProblem
from syncer.domain.text import storable
from syncer.flows.contacts.edits import PhoneTaken
from syncer.flows.lookups import Lookups
from syncer.policies.editing import NotAcceptable
from syncer.web.api.shared import Body as Form
from syncer.web.api.shared import Joined, Moment, NumberInPath, View, fields, past
from syncer.web.auth import needs
from syncer.web.problems import Problem, absent

router = APIRouter(prefix="/contacts", tags=["contacts"])
#: The fields that may be put; a word of consent needs its proof, so it has a way of its own.
EDITABLE = frozenset(CONTACT_FIELDS) - READ_ONLY - {"marketing_consent", "transactional_consent"}
Fields = Annotated[
    dict[str, Any],
    Body(
        description="Contact fields by name, and `custom.*` fields of the company's own; null empties one",
        openapi_examples={"name": {"value": {"full_name": "王小明", "tags": ["vip"], "custom.level": "gold"}}},
    ),
]
Caller = Annotated[ApiKey, Depends(needs("contacts"))]


class Address(View):
    """One thing that leads to a contact: `phone`, `user_id` (the platform's), or `crm:<name>` with the CRM's own id."""

    kind: str
    value: str


class Contact(View):
    """One person, merged from everything the CRMs and the platform say. Consent: granted, revoked or unknown."""

    id: int
    full_name: str
    phone: str | None
    phone_problem: str | None
    email: str | None
    language: str | None
    tags: list[str]
    attributes: dict[str, Any]
    blocked: bool
    unreachable: bool
    transactional: str
    marketing: str
    updated_at: datetime
    addresses: list[Address]


class Turn(View):
    """One message of a conversation; `direction` is `in` from the customer, `out` to the customer."""

    id: int
    direction: str
    kind: str
    body: str
    wamid: str | None
    reply_to: str | None
    occurred_at: datetime
    status: str | None
    error_code: str | None
    error_detail: str | None


class ConsentWord(Form):
    """What a customer said, where, and what proves it. Without `at` it was said now."""

    tier: Tier
    word: Literal["granted", "revoked"]
    source: Annotated[str, Field(min_length=1, max_length=100, examples=["form:newsletter"])]
    proof: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://shop.example.com/optin/8812"])]
    at: Moment | None = None


class ConsentHolds(View):
    """The word that holds now."""

    tier: Tier
    word: Word


@router.get("", summary="Find contacts")
def find(
    caller: Caller,
    runtime: Joined,
    phone: Annotated[str | None, Query(max_length=60)] = None,
    email: Annotated[str | None, Query(max_length=255)] = None,
    external_id: Annotated[str | None, Query(max_length=255)] = None,
) -> list[Contact]:
    """By exactly one of the three; nobody found is an empty list. The phone may be written in any way, a `+` may come
    as a space. `external_id` is a CRM's own id, or the one that an integration gave."""
    if sum(key is not None for key in (phone, email, external_id)) != 1:
        raise Problem(422, "ask by phone, by email or by external_id")
    lookups = parts.lookups(runtime)
    if phone is not None:
        numbers = _by_phone(lookups, phone)
    elif email is not None:
        numbers = lookups.contacts_by_email(storable(email))
    else:
        numbers = lookups.contacts_by_external_id(storable(external_id or ""))
    return [_contact(*found) for number in numbers if (found := lookups.contact(number))]


def _by_phone(lookups: Lookups, phone: str) -> list[int]:
    number = lookups.contact_by_phone(f"+{phone[1:]}" if phone.startswith(" ") else phone)
    if isinstance(number, PhoneProblem):
        raise Problem(422, f"not a phone number: {number}")
    return [number] if number else []


@router.get("/{id}", summary="One contact", responses={404: {}})
def show(number: NumberInPath, caller: Caller, runtime: Joined) -> Contact:
    """Everything known of one person."""
    found = parts.lookups(runtime).contact(number)
    if found is None:
        raise absent("contact", number)
    return _contact(*found)


@router.put("", summary="Create or change the contact with a phone", responses={201: {"model": Contact}})
def put_by_phone(said: Fields, answer: Response, caller: Caller, runtime: Joined) -> Contact:
    """Whoever has `phone` gets the given fields, and whoever nobody knew is a contact now (201). The other fields stay
    as they are. May be repeated."""
    try:
        number, made = parts.edits(runtime, EDITABLE).put(said, f"api:{caller.name}")
    except NotAcceptable as error:
        raise _not_acceptable(error) from None
    answer.status_code = 201 if made else 200
    return show(number, caller, runtime)


@router.put("/{id}", summary="Change a contact", responses={404: {}, 409: {}})
def put(number: NumberInPath, said: Fields, caller: Caller, runtime: Joined) -> Contact:
    """The given fields, all or none; the others stay as they are. The CRMs that know the person are told. A changed
    `phone` keeps the person and their conversation; one that another contact has is refused (409)."""
    try:
        parts.edits(runtime, EDITABLE).edit(number, said, f"api:{caller.name}")
    except NotAcceptable as error:
        raise _not_acceptable(error) from None
    except PhoneTaken as error:
        raise Problem(409, str(error)) from None
    except LookupError:
        raise absent("contact", number) from None
    return show(number, caller, runtime)


@router.get("/{id}/conversation", summary="A contact's messages, the newest first", responses={404: {}})
def conversation(
    number: NumberInPath,
    caller: Caller,
    runtime: Joined,
    before: Annotated[Moment | None, Query(description="Only messages older than this")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Turn]:
    """Both ways, in the order of the platform's own times. The next page: `before` the last one's `occurred_at`."""
    found = parts.lookups(runtime).conversation(number, before=before, limit=limit)
    if found is None:
        raise absent("contact", number)
    return [Turn.model_validate(row) for row in found]


@router.post("/{id}/consent", status_code=201, summary="Record a word of consent", responses={404: {}})
def record_consent(number: NumberInPath, said: ConsentWord, caller: Caller, runtime: Joined) -> ConsentHolds:
    """Appended to the ledger, never overwritten. The latest explicit word holds, so an old word changes nothing."""
    entry = ConsentEntry(
        contact_id=number,
        tier=said.tier,
        word=Word(said.word),
        at=past(said.at, runtime.clock.now()),
        source=storable(f"api:{caller.name}:{said.source}"),
        proof=storable(said.proof),
        explicit=True,
    )
    try:
        return ConsentHolds(tier=said.tier, word=parts.consent(runtime).record(entry))
    except LookupError:
        raise absent("contact", number) from None


def _not_acceptable(error: NotAcceptable) -> Problem:
    """Where and why, but never the value: it may be a customer's."""
    errors = [{"at": f"body.{name}", "detail": problem} for name, problem in error.problems.items()]
    errors += [{"at": f"body.{name}", "detail": _unknown(name)} for name in error.unknown]
    return Problem(422, "the request is not of the documented form", errors=errors)


def _unknown(name: str) -> str:
    if name in ("marketing_consent", "transactional_consent"):
        return "is recorded with its proof: POST contacts/{id}/consent"
    if name in READ_ONLY:
        return "belongs to the CRM"
    return f"is no contact field; {did_you_mean(name, EDITABLE)}"


def _contact(row: Any, addresses: Sequence[Any]) -> Contact:
    return Contact.model_validate(fields(row) | {"addresses": [fields(address) for address in addresses]})
