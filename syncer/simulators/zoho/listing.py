"""Lists of records: pages by number and by token, those changed since, by id, the recycle bin, what is related."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from syncer.simulators.zoho import moments
from syncer.simulators.zoho.answers import answer, nothing
from syncer.simulators.zoho.errors import ZohoError, invalid_parameter
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.records import Collection, Record, as_id

_LONGEST_PAGE, _MOST_FIELDS, _MOST_IDS = 200, 50, 100
_SORTS = ("id", "Created_Time", "Modified_Time")
_RENEWED = 4_096


@dataclass(slots=True)
class Chain:
    """Where a page token goes on: behind which key, after how many records."""

    asked: tuple[Any, ...]
    after: tuple[int, int]
    served: int
    until: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, the place apart."""

    module: str
    fields: tuple[str, ...]
    per_page: int
    sort_by: str
    descending: bool
    since: int | None


async def listed(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`GET /{module}`."""
    query = request.query
    names = fields_of(query.get("fields", ""))
    if "ids" in query:
        return _by_ids(place, collection, query["ids"], names)
    question = _question(collection, request, names)
    chain, page = _place(place, question, query.get("page_token"), query.get("page"))
    found = _keys(
        collection, question, chain.after, question.per_page * (page if not query.get("page_token") else 1) + 1
    )
    if page > 1:
        found = found[(page - 1) * question.per_page :]
    keys, more = found[: question.per_page], len(found) > question.per_page
    if not keys:
        return nothing(304 if question.since is not None else 204)
    rows = [_readable(collection, number) for _, number in keys]
    chain.served += len(keys)
    chain.after = keys[-1]
    token = _token(place, question, chain) if more else None
    info = {
        "per_page": question.per_page,
        "next_page_token": token,
        "count": len(rows),
        "sort_by": question.sort_by,
        "page": page,
        "previous_page_token": None,
        "page_token_expiry": moments.shown(moments.now() + 86_400) if token else None,
        "sort_order": "desc" if question.descending else "asc",
        "more_records": more,
    }
    return answer({"data": [place.shown(collection, row, names) for row in rows], "info": info})


def fields_of(text: str) -> list[str]:
    """The `fields` of an address, which must be there."""
    names = [name for name in text.split(",") if name]
    if not names:
        raise ZohoError(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="fields")
    if len(names) > _MOST_FIELDS:
        raise ZohoError(400, "LIMIT_EXCEEDED", "Fields limit exceeded.", param_name="fields", limit=_MOST_FIELDS)
    return names


def _question(collection: Collection, request: web.BaseRequest, names: list[str]) -> Question:
    query = request.query
    per_page = _whole(query.get("per_page", str(_LONGEST_PAGE)), "per_page")
    if per_page > _LONGEST_PAGE:
        raise invalid_parameter("per_page")
    sort_by, order = query.get("sort_by", "id"), query.get("sort_order", "desc")
    if sort_by not in _SORTS:
        raise invalid_parameter("sort_by", supported_values=list(_SORTS))
    if order not in ("asc", "desc"):
        raise invalid_parameter("sort_order")
    since = request.headers.get("If-Modified-Since")
    try:
        moment = None if since is None else moments.parsed(since)
    except ValueError:
        raise invalid_parameter("If-Modified-Since") from None
    return Question(collection.schema.module, tuple(names), per_page, sort_by, order == "desc", moment)


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise invalid_parameter(name)
    return int(text)


def _place(place: Organisation, question: Question, token: str | None, page: str | None) -> tuple[Chain, int]:
    limits = place.behaviour.limits
    asked = (question,)
    if token is None:
        number = 1 if page is None else _whole(page, "page")
        if number * question.per_page > limits.paged:
            text = "You can only get the first 2000 records without using page_token param."
            raise ZohoError(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", text, limit=limits.paged)
        start = (1 << 62, 1 << 62) if question.descending else (-1, -1)
        return Chain(asked, start, 0, 0.0), number
    if page is not None:
        told = [{"param_name": "page"}, {"param_name": "page_token"}]
        raise ZohoError(400, "AMBIGUITY_DURING_PROCESSING", "ambiguity during processing", ambiguity_due_to=told)
    chain = place.chains.get(token)
    if chain is None:
        raise invalid_parameter("page_token", "the page_token given seems to be invalid")
    if chain.asked != asked:
        text = "the given token is not bound to the parameters"
        raise ZohoError(400, "TOKEN_BOUND_DATA_MISMATCH", text, param_name="page_token")
    if chain.until <= time.monotonic():
        raise ZohoError(400, "EXPIRED_VALUE", "Page token expired", api_name="page_token")
    if chain.served + question.per_page > limits.chained:
        text = "You can only get upto 100000 records using page_token param"
        raise ZohoError(400, "PAGINATION_LIMIT_EXCEEDED", text, param_name="page_token")
    return Chain(asked, chain.after, chain.served, 0.0), 1


def _token(place: Organisation, question: Question, chain: Chain) -> str:
    token = secrets.token_hex(24)
    chain.until = time.monotonic() + place.behaviour.limits.page_token_seconds
    place.chains[token] = chain
    while len(place.chains) > _RENEWED:
        place.chains.pop(next(iter(place.chains)))
    return token


def _keys(collection: Collection, question: Question, after: tuple[int, int], most: int) -> list[tuple[int, int]]:
    """(sorted by, id) of the records behind a place, in their order."""
    if question.sort_by == "id" and not question.descending and question.since is None:
        return [(number, number) for number in collection.after(after[1], most)]
    found = collection.changed(question.since)
    if question.sort_by == "id":
        found = sorted((number, number) for _, number in found)
    elif question.sort_by == "Created_Time":
        found = sorted((collection.peek(number).created, number) for _, number in found)
    if question.descending:
        return [key for key in reversed(found) if key < after][:most]
    return [key for key in found if key > after][:most]


def _readable(collection: Collection, number: int) -> Record:
    if number in collection.poisoned:
        raise ZohoError(500, "INTERNAL_ERROR", "Internal Server Error")
    return collection.peek(number)


def _by_ids(place: Organisation, collection: Collection, text: str, names: list[str]) -> web.Response:
    ids = text.split(",")
    if len(ids) > _MOST_IDS:
        raise ZohoError(400, "LIMIT_EXCEEDED", "ids limit exceeded", param_name="ids", limit=_MOST_IDS)
    if any(as_id(one) is None for one in ids):
        raise invalid_parameter("ids")
    rows = [row for one in dict.fromkeys(ids) if (row := collection.find(one)) is not None]
    if not rows:
        return nothing()
    data = [place.shown(collection, _readable(collection, row.id), names) for row in rows]
    info = {"per_page": _LONGEST_PAGE, "count": len(data), "page": 1, "more_records": False, "next_page_token": None}
    return answer({"data": data, "info": info})


async def one(place: Organisation, collection: Collection, request: web.BaseRequest, record_id: str) -> web.Response:
    """`GET /{module}/{id}`."""
    row = collection.find(record_id)
    if row is None:
        return nothing()
    names = [name for name in request.query.get("fields", "").split(",") if name] or list(collection.schema.fields)
    return answer({"data": [place.shown(collection, _readable(collection, row.id), names)]})


async def deleted(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`GET /{module}/deleted`."""
    if request.query.get("type", "all") not in ("all", "recycle", "permanent"):
        raise invalid_parameter("type")
    gone = [row for row in collection.held() if row.deleted is not None]
    if not gone:
        return nothing()
    data = [
        {
            "id": str(row.id),
            "display_name": row.values.get("Last_Name"),
            "type": "recycle",
            "deleted_time": moments.shown(row.deleted or 0),
            "deleted_by": place.users["1"],
        }
        for row in gone
    ]
    return answer({"data": data, "info": {"per_page": 200, "count": len(data), "page": 1, "more_records": False}})


async def related(
    place: Organisation, collection: Collection, request: web.BaseRequest, record_id: str, module: str
) -> web.Response:
    """`GET /{module}/{id}/{related}`."""
    names, other = fields_of(request.query.get("fields", "")), place.module(module)
    if collection.find(record_id) is None:
        raise ZohoError(400, "INVALID_DATA", "the related id given seems to be invalid", resource_path_index=1)
    lookup = other.schema.contact
    rows = [
        row
        for row in other.held()
        if row.deleted is None and (row.values.get(lookup) or {}).get("id") == str(record_id)
    ]
    if not rows:
        return nothing()
    data = [place.shown(other, row, names) for row in rows]
    return answer({"data": data, "info": {"per_page": 200, "count": len(data), "page": 1, "more_records": False}})
