"""Graph API edges of message templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import lifecycle
from syncer.simulators.whatsapp.answers import answer, chosen, graph_parameters, next_address
from syncer.simulators.whatsapp.errors import unknown_object
from syncer.simulators.whatsapp.templates import Template

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_USUAL = ("name", "parameter_format", "components", "language", "status", "category", "id")


async def list_templates(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/message_templates`: one page, `paging.next` while more follow."""
    platform.need_account(node, request.method)
    templates, before, after, more = platform.catalogue.page(request.query)
    rows = [chosen(template.row(), request.query, _USUAL) for template in templates]
    result: dict[str, Any] = {"data": rows}
    if rows:
        result["paging"] = {"cursors": {"before": before, "after": after}}
    if more and after:
        result["paging"]["next"] = next_address(request, after)
    return answer(result)


async def create_template(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{WABA}/message_templates`: PENDING now, told what the review decides after its time."""
    platform.need_account(node, request.method)
    template = platform.catalogue.create(await graph_parameters(request))
    lifecycle.submit(platform, template)
    return answer({"id": template.id, "status": template.status, "category": template.category})


async def delete_template(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{WABA}/message_templates?name=X[&hsm_id=ID]`."""
    platform.need_account(node, request.method)
    told = await graph_parameters(request)
    template_id = told.get("hsm_id")
    lifecycle.delete(platform, str(told.get("name") or ""), None if template_id is None else str(template_id))
    return answer({"success": True})


async def read_template(platform: Platform, request: web.BaseRequest, template: Template) -> web.Response:
    """`GET /{TEMPLATE_ID}?fields=...`."""
    return answer(chosen(template.row(), request.query, _USUAL))


async def edit_template(platform: Platform, request: web.BaseRequest, template: Template) -> web.Response:
    """`POST /{TEMPLATE_ID}`: the components are replaced as a whole, and reviewed again."""
    lifecycle.edit(platform, template, await graph_parameters(request))
    return answer({"success": True})


async def unpause_template(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{TEMPLATE_ID}/unpause`."""
    template = platform.catalogue.by_id(node)
    if template is None:
        raise unknown_object(node, request.method)
    lifecycle.unpause(platform, template)
    return answer({"success": True})


def _archiving(act: Callable[..., tuple[list[str], dict[str, str]]], name: str) -> Any:
    async def edge(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
        platform.need_account(node, request.method)
        done, failed = act(platform, (await graph_parameters(request)).get("hsm_ids"))
        return answer({name: done, "failed_templates": failed})

    return edge


EDGES: dict[tuple[str, str], Any] = {
    ("GET", "message_templates"): list_templates,
    ("POST", "message_templates"): create_template,
    ("DELETE", "message_templates"): delete_template,
    ("POST", "message_templates/archive"): _archiving(lifecycle.archive, "archived_templates"),
    ("POST", "message_templates/unarchive"): _archiving(lifecycle.unarchive, "unarchived_templates"),
    ("POST", "unpause"): unpause_template,
}
