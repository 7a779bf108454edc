"""The search of one module: its index lags behind, and `equals` finds whatever contains the words.

Source: "search records": `GET /{module}/search?criteria=({field}:equals:{value})`. Of its ways only this one, with one
condition, and only for notes, which COQL does not know.
"""

from __future__ import annotations

import re

from aiohttp import web

from syncer.simulators.zoho.answers import answer, nothing
from syncer.simulators.zoho.errors import invalid_parameter
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.records import SEARCHED, Collection
from syncer.simulators.zoho.schema import unknown_module

_CRITERIA = re.compile(r"\(?(?P<name>\w+):equals:(?P<value>[^()]+)\)?")
_LONGEST_PAGE = 200


async def searched(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`GET /{module}/search`, the first page."""
    module, query = collection.schema.module, request.query
    if module not in SEARCHED:
        raise unknown_module(module)
    found = _CRITERIA.fullmatch(query.get("criteria", ""))
    if found is None or found["name"] not in collection.schema.fields:
        raise invalid_parameter("criteria")
    per_page = query.get("per_page", str(_LONGEST_PAGE))
    if not per_page.isdecimal() or not 0 < int(per_page) <= _LONGEST_PAGE:
        raise invalid_parameter("per_page")
    wanted = found["value"].casefold()
    known = collection.indexed(place.behaviour.index_lag)
    fits = [number for number, values in known if wanted in str(values.get(found["name"]) or "").casefold()]
    rows = [row for number in fits if (row := collection.find(number)) is not None]
    names = [name for name in query.get("fields", "").split(",") if name] or list(collection.schema.fields)
    data = [place.shown(collection, row, names) for row in rows[: int(per_page)]]
    info = {"per_page": int(per_page), "count": len(data), "page": 1, "more_records": len(rows) > len(data)}
    return answer({"data": data, "info": info}) if data else nothing()
