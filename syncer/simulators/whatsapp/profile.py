"""Graph API edges of what customers see of a number: business profile and username."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp.answers import answer, graph_parameters
from syncer.simulators.whatsapp.errors import GraphError, required
from syncer.simulators.whatsapp.notices import username_event
from syncer.simulators.whatsapp.numbers import number_of

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_LONGEST = {"about": 139, "address": 256, "description": 512, "email": 128, "profile_picture_handle": 4096}
_MOST_WEBSITES, _LONGEST_WEBSITE = 2, 256
_FIELDS = ("about", "address", "description", "email", "profile_picture_url", "websites", "vertical")
_VERTICALS = (
    "UNDEFINED", "OTHER", "AUTO", "BEAUTY", "APPAREL", "EDU", "ENTERTAIN", "EVENT_PLAN", "FINANCE", "GROCERY",
    "GOVT", "HOTEL", "HEALTH", "NONPROFIT", "PROF_SERVICES", "RETAIL", "TRAVEL", "RESTAURANT", "NOT_A_BIZ",
    "ALCOHOL", "ONLINE_GAMBLING", "PHYSICAL_GAMBLING", "OTC_DRUGS", "MATRIMONY_SERVICE",
)  # fmt: skip
_USERNAME = re.compile(r"(?=.*[a-z])(?!www)[a-z0-9_](?:[a-z0-9_]|\.(?!\.)){1,33}[a-z0-9_]$")
_DOMAINS = (".com", ".net", ".org")
_HELD = "official"


async def read_profile(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{PHONE_ID}/whatsapp_business_profile?fields=...`: what is set of it."""
    number = number_of(platform, node, request.method)
    wanted = [name.strip() for name in request.query.get("fields", ",".join(_FIELDS)).split(",")]
    if unknown := [name for name in wanted if name not in (*_FIELDS, "messaging_product")]:
        raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({unknown[0]})")
    row = {name: number.profile[name] for name in wanted if name in number.profile}
    return answer({"data": [{**row, "messaging_product": "whatsapp"}]})


async def change_profile(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_ID}/whatsapp_business_profile`: only what is given changes."""
    number = number_of(platform, node, request.method)
    told = await graph_parameters(request)
    if told.pop("messaging_product", None) != "whatsapp":
        raise required("messaging_product")
    for name, value in told.items():
        _check_profile(name, value)
    if handle := told.pop("profile_picture_handle", None):
        told["profile_picture_url"] = f"https://pps.whatsapp.net/{handle}"
    number.profile |= told
    return answer({"success": True})


def _check_profile(name: str, value: Any) -> None:
    if name in _LONGEST:
        if not isinstance(value, str) or len(value) > _LONGEST[name]:
            raise GraphError(100, message=f"(#100) Param {name} must be at most {_LONGEST[name]} characters long.")
    elif name == "vertical":
        if value not in _VERTICALS:
            raise GraphError(100, message=f"(#100) Param vertical must be one of {{{', '.join(_VERTICALS)}}}.")
    elif name == "websites":
        if not isinstance(value, list) or len(value) > _MOST_WEBSITES:
            raise GraphError(100, message="(#100) Param websites must be a list of at most 2 addresses.")
        if not all(str(site).startswith(("http://", "https://")) and len(site) <= _LONGEST_WEBSITE for site in value):
            raise GraphError(100, message="(#100) Param websites must hold http or https addresses.")
    else:
        raise GraphError(100, message=f"(#100) The parameter {name} is not known.")


async def read_username(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{PHONE_ID}/username`: name and status, {} without one."""
    number = number_of(platform, node, request.method)
    return answer({"username": number.username, "status": number.username_status} if number.username else {})


async def claim_username(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_ID}/username`: raises 147001 for one that is taken, 147002 for one of the wrong form, 147003 for
    one kept for others, 147004 while the number is not in service."""
    number = number_of(platform, node, request.method)
    name = str((await graph_parameters(request)).get("username") or "").strip().lstrip("@").lower()
    if not name:
        raise required("username")
    if not _USERNAME.match(name) or name.endswith(_DOMAINS):
        raise GraphError(147002, "A username has 3 to 35 small letters, digits, periods and underscores.")
    if number.status not in ("CONNECTED", "FLAGGED"):
        raise GraphError(147004, "The phone number is not registered.")
    if _HELD in name and not number.is_official_business_account:
        raise GraphError(147003, "This username is kept for official business accounts.")
    others = {one.username for one in platform.world.numbers.values() if one is not number}
    if name in others | {(one.username or "").lstrip("@").lower() for one in platform.world.customers.values()}:
        raise GraphError(147001, "This username is taken.")
    number.username, number.username_status = name, "approved"
    platform.outbox.tell(username_event(number, "approved"))
    return answer({"status": "approved"})


async def delete_username(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{PHONE_ID}/username`."""
    number = number_of(platform, node, request.method)
    if number.username is None:
        raise GraphError(147004, "The phone number has no username.")
    platform.outbox.tell(username_event(number, "deleted"))
    number.username = number.username_status = None
    return answer({"success": True})
