"""Graph API edges of the account itself: its node, the app's subscription, the token; and all edges by name."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import coexistence, numbers, profile, template_edges
from syncer.simulators.whatsapp.answers import answer, chosen, graph_parameters
from syncer.simulators.whatsapp.errors import GraphError, required, unknown_object

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]
_USUAL = ("id", "name", "timezone_id", "message_template_namespace")


async def read_node(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{ID}?fields=...` of a number, a template or the account."""
    if node in platform.world.numbers:
        return await numbers.read_number(platform, request, platform.world.numbers[node])
    if (template := platform.catalogue.by_id(node)) is not None:
        return await template_edges.read_template(platform, request, template)
    platform.need_account(node, request.method)
    return answer(chosen(_account_row(platform), request.query, _USUAL))


async def change_node(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{ID}` of a number or a template."""
    if node in platform.world.numbers:
        return await numbers.change_number(platform, request, platform.world.numbers[node])
    if (template := platform.catalogue.by_id(node)) is not None:
        return await template_edges.edit_template(platform, request, template)
    raise unknown_object(node, request.method)


def _account_row(platform: Platform) -> dict[str, Any]:
    blocked = any(block.phone_number_id is None for block in platform.gate.standing(""))
    verified = platform.behaviour.account.verified
    return {
        "id": platform.config.waba_id,
        "name": platform.config.verified_name,
        "timezone_id": "42",
        "currency": "USD",
        "country": "TW",
        "message_template_namespace": "simulated",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified" if verified else "not_verified",
        "status": "BANNED" if blocked else "ACTIVE",
        "ownership_type": "SELF",
        "health_status": {"can_send_message": "BLOCKED" if blocked else "AVAILABLE"},
        **asdict(platform.marketing),
    }


async def subscribe(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{WABA}/subscribed_apps`: an override address is verified first (2200 when it fails); empty removes it."""
    platform.need_account(node, request.method)
    wanted = await graph_parameters(request)
    override = wanted.get("override_callback_uri")
    if override is not None:
        await platform.check_callback(str(override), str(wanted.get("verify_token", "")))
    platform.world.callback_override = override
    platform.world.subscribed = True
    return answer({"success": True})


async def unsubscribe(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{WABA}/subscribed_apps`: from now on nothing is told, and nothing is kept for later."""
    platform.need_account(node, request.method)
    platform.world.subscribed = False
    platform.world.callback_override = None
    return answer({"success": True})


async def subscriptions(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/subscribed_apps`."""
    platform.need_account(node, request.method)
    if not platform.world.subscribed:
        return answer({"data": []})
    app_id = platform.config.app_id
    app = {
        "whatsapp_business_api_data": {
            "id": app_id,
            "name": "Syncer",
            "link": f"https://www.facebook.com/games/?app_id={app_id}",
        }
    }
    override = platform.world.callback_override
    return answer({"data": [{**app, "override_callback_uri": override} if override else app]})


async def forget_contact(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{PHONE_ID}/contact_book?bsuid=...`: webhooks omit that person's phone number again."""
    numbers.number_of(platform, node, request.method)
    user_id = str((await graph_parameters(request)).get("bsuid") or "")
    if not user_id:
        raise required("bsuid")
    platform.world.customer_by_user_id(user_id).in_contact_book = False
    return answer({"success": True})


async def debug_token(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /debug_token?input_token=...`: whose token, valid until when, for what."""
    if "input_token" not in request.query:
        raise GraphError(100, message="(#100) The parameter input_token is required.")
    asked = request.query["input_token"]
    if asked not in platform.gate.tokens:
        refused = platform.gate.token_refusal(asked).envelope()["error"]
        error = {"code": 190, "message": refused["message"]}
        return answer({"data": {"error": error, "is_valid": False, "scopes": []}})
    granular = [{"scope": scope, "target_ids": [platform.config.waba_id]} for scope in _SCOPES]
    data = {
        "app_id": platform.config.app_id,
        "type": "SYSTEM_USER",
        "application": "Syncer",
        "data_access_expires_at": 0,
        "expires_at": platform.gate.expires_at(asked),
        "is_valid": True,
        "issued_at": int(time.time()) - 86_400,
        "scopes": _SCOPES,
        "granular_scopes": granular,
        "user_id": "122100000000000001",
    }
    return answer({"data": data})


EDGES: dict[tuple[str, str], Any] = {
    **template_edges.EDGES,
    **numbers.EDGES,
    ("GET", "subscribed_apps"): subscriptions,
    ("POST", "subscribed_apps"): subscribe,
    ("DELETE", "subscribed_apps"): unsubscribe,
    ("GET", "whatsapp_business_profile"): profile.read_profile,
    ("POST", "whatsapp_business_profile"): profile.change_profile,
    ("GET", "username"): profile.read_username,
    ("POST", "username"): profile.claim_username,
    ("DELETE", "username"): profile.delete_username,
    ("DELETE", "contact_book"): forget_contact,
    ("POST", "smb_app_data"): coexistence.start_sync,
}
"""Handlers of the account half by method and edge."""
