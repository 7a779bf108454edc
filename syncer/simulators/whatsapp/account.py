"""Graph API edges of the account: numbers, templates, the app's subscription, the token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp.answers import answer, graph_object
from syncer.simulators.whatsapp.errors import GraphError, unknown_object
from syncer.simulators.whatsapp.payloads import Update
from syncer.simulators.whatsapp.state import BusinessNumber
from syncer.simulators.whatsapp.templates import Template

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]
_TIERS = {250: "TIER_250", 2_000: "TIER_2K", 10_000: "TIER_10K", 100_000: "TIER_100K"}
_NUMBER_FIELDS = ("id", "display_phone_number", "verified_name", "quality_rating", "code_verification_status")
_TEMPLATE_FIELDS = ("name", "parameter_format", "components", "language", "status", "category", "id")


async def list_templates(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/message_templates`: one page, `paging.next` while more follow."""
    _need_account(platform, node, request.method)
    templates, before, after, more = platform.catalogue.page(request.query)
    rows = [_chosen(template.row(), request.query, _TEMPLATE_FIELDS) for template in templates]
    result: dict[str, Any] = {"data": rows}
    if rows:
        result["paging"] = {"cursors": {"before": before, "after": after}}
    if more and after:
        result["paging"]["next"] = str(request.url.without_query_params("before").update_query(after=after))
    return answer(result)


async def create_template(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{WABA}/message_templates`: PENDING now, APPROVED and told so after the review time."""
    _need_account(platform, node, request.method)
    template = platform.catalogue.create(await graph_object(request))
    platform.schedule.after(platform.config.template_review_seconds, _approve, platform, template)
    return answer({"id": template.id, "status": template.status, "category": template.category})


async def delete_template(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{WABA}/message_templates?name=X[&hsm_id=ID]`."""
    _need_account(platform, node, request.method)
    platform.catalogue.delete(request.query.get("name", ""), request.query.get("hsm_id"))
    return answer({"success": True})


async def list_numbers(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/phone_numbers`."""
    _need_account(platform, node, request.method)
    rows = [_chosen(_number_row(platform, number), request.query, _NUMBER_FIELDS) for number in _numbers(platform)]
    return answer({"data": rows, "paging": {"cursors": {"before": "MAZDZD", "after": "MAZDZD"}}})


async def read_node(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{PHONE_ID}?fields=...`, also for the account itself."""
    if node in platform.world.numbers:
        row = _number_row(platform, platform.world.numbers[node])
        return answer(_chosen(row, request.query, _NUMBER_FIELDS))
    if node == platform.config.waba_id:
        row = {
            "id": node,
            "name": platform.config.verified_name,
            "timezone_id": "42",
            "message_template_namespace": "simulated",
        }
        return answer(_chosen(row, request.query, tuple(row)))
    raise unknown_object(node, request.method)


async def subscribe(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{WABA}/subscribed_apps`: an override address is verified first (2200 when it fails); empty removes it."""
    _need_account(platform, node, request.method)
    wanted = await graph_object(request)
    override = wanted.get("override_callback_uri")
    if override is not None:
        ok, status, said = await platform.outbox.handshake(str(override), str(wanted.get("verify_token", "")))
        if not ok:
            text = (
                f"(#2200) Callback verification failed with the following errors: HTTP Status Code = {status}; {said}"
            )
            raise GraphError(2200, message=text)
    platform.world.callback_override = override
    platform.world.subscribed = True
    return answer({"success": True})


async def unsubscribe(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{WABA}/subscribed_apps`: from now on nothing is told, and nothing is kept for later."""
    _need_account(platform, node, request.method)
    platform.world.subscribed = False
    platform.world.callback_override = None
    return answer({"success": True})


async def subscriptions(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/subscribed_apps`."""
    _need_account(platform, node, request.method)
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


async def debug_token(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /debug_token?input_token=...`: whose token, valid until when, for what."""
    if "input_token" not in request.query:
        raise GraphError(100, message="(#100) The parameter input_token is required.")
    if request.query["input_token"] != platform.config.access_token:
        error = {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
        return answer({"data": {"error": error, "is_valid": False, "scopes": []}})
    granular = [{"scope": scope, "target_ids": [platform.config.waba_id]} for scope in _SCOPES]
    data = {
        "app_id": platform.config.app_id,
        "type": "SYSTEM_USER",
        "application": "Syncer",
        "data_access_expires_at": 0,
        "expires_at": 0,
        "is_valid": True,
        "issued_at": int(time.time()) - 86_400,
        "scopes": _SCOPES,
        "granular_scopes": granular,
        "user_id": "122100000000000001",
    }
    return answer({"data": data})


def template_update(template: Template) -> Update:
    """The webhook that tells a template's new status (field `message_template_status_update`)."""
    body = {
        "event": template.status,
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "message_template_category": template.category,
        "reason": template.rejected_reason,
    }
    return Update("message_template_status_update", body)


def _approve(platform: Platform, template: Template) -> None:
    if template.status == "PENDING":
        template.status = "APPROVED"
        platform.outbox.tell(template_update(template))


def _need_account(platform: Platform, node: str, method: str) -> None:
    if node != platform.config.waba_id:
        raise unknown_object(node, method)


def _numbers(platform: Platform) -> Iterable[BusinessNumber]:
    return platform.world.numbers.values()


def _number_row(platform: Platform, number: BusinessNumber) -> dict[str, Any]:
    limits = platform.behaviour.limits
    return {
        "id": number.id,
        "display_phone_number": number.display_phone_number,
        "verified_name": number.verified_name,
        "status": number.status,
        "quality_rating": number.quality_rating,
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if not limits.throughput or limits.throughput > 80 else "STANDARD"},
        "whatsapp_business_manager_messaging_limit": _TIERS.get(limits.messaging_limit, "TIER_UNLIMITED"),
        "health_status": {"can_send_message": "AVAILABLE" if number.status == "CONNECTED" else "BLOCKED"},
        "webhook_configuration": {"application": platform.world.callback_url},
        "is_on_biz_app": False,
    }


def _chosen(row: Mapping[str, Any], query: Mapping[str, str], usual: tuple[str, ...]) -> dict[str, Any]:
    """The asked-for `fields`, always with the id; an unknown field is refused as the Graph API does."""
    wanted = [name.strip() for name in query["fields"].split(",")] if query.get("fields") else list(usual)
    for name in wanted:
        if name not in row:
            raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({name}) on node type")
    return {name: row[name] for name in dict.fromkeys([*wanted, "id"]) if row[name] is not None}
