"""The kinds of interactive message and their limits (interactive message pages)."""

from __future__ import annotations

import re
from collections.abc import Callable

from syncer.simulators.whatsapp.checks import Body, need, objects, one_source, text_at
from syncer.simulators.whatsapp.errors import GraphError

_LINK = re.compile(r"https?://\S+$")
_MOST_BODY, _MOST_LONG_BODY, _MOST_HEADER, _MOST_FOOTER = 1024, 4096, 60, 60
_MOST_PRODUCTS, _MOST_SECTIONS, _MOST_ROWS, _MOST_BUTTONS = 30, 10, 10, 3
_MEDIA_HEADERS = ("image", "video", "document")
_ANY_HEADER = ("text", *_MEDIA_HEADERS)


def read_interactive(body: Body) -> str:
    """Check the object under `interactive` and return the text the customer reads."""
    kind = need(body, "type")
    if kind not in _KINDS:
        raise GraphError(131009, f"Parameter 'interactive.type' does not know {kind!r}")
    check, headers, footer = _KINDS[kind]
    _check_header(body, kind, headers)
    if body.get("footer"):
        if not footer:
            raise GraphError(131009, f"Parameter 'footer' is not allowed for {kind}")
        text_at(body, "footer", "text", most=_MOST_FOOTER)
    check(body)
    return str(need(body, "body", "text")) if body.get("body") else ""


def _check_header(body: Body, kind: str, allowed: tuple[str, ...]) -> None:
    if not body.get("header"):
        return
    header = need(body, "header", "type")
    if header not in allowed:
        raise GraphError(131009, f"Parameter 'header.type' {header!r} is not allowed for {kind}")
    if header == "text":
        text_at(body, "header", "text", most=_MOST_HEADER)
    else:
        one_source(need(body, "header", header))


def _body(body: Body, most: int = _MOST_BODY) -> None:
    text_at(body, "body", "text", most=most)


def _button(body: Body) -> None:
    _body(body)
    buttons = objects(body, "action", "buttons")
    if not 1 <= len(buttons) <= _MOST_BUTTONS:
        raise GraphError(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    for button in buttons:
        if button.get("type", "reply") != "reply":
            raise GraphError(131009, "Parameter 'action.buttons.type' must be reply")
        text_at(button, "reply", "id", most=256)
        text_at(button, "reply", "title", most=20)
    _unique([button["reply"]["id"] for button in buttons])
    _unique([button["reply"]["title"] for button in buttons])


def _list(body: Body) -> None:
    _body(body, _MOST_LONG_BODY)
    text_at(body, "action", "button", most=20)
    sections = objects(body, "action", "sections")
    rows = [row for section in sections for row in objects(section, "rows")]
    if len(sections) > _MOST_SECTIONS or not 1 <= len(rows) <= _MOST_ROWS:
        raise GraphError(
            131009, "Total row count exceed max allowed count: 10" if rows else "At least one row is needed"
        )
    for row in rows:
        text_at(row, "id", most=200)
        text_at(row, "title", most=24)
        if row.get("description"):
            text_at(row, "description", most=72)
    _titled(sections)
    _unique([row["id"] for row in rows])


def _cta_url(body: Body) -> None:
    _body(body)
    _action(body, "cta_url")
    text_at(body, "action", "parameters", "display_text", most=20)
    if not _LINK.match(str(need(body, "action", "parameters", "url"))):
        raise GraphError(131009, "Parameter 'action.parameters.url' must be an http or https URL")


def _flow(body: Body) -> None:
    _body(body)
    _action(body, "flow")
    parameters = need(body, "action", "parameters")
    if str(need(body, "action", "parameters", "flow_message_version")) != "3":
        raise GraphError(131009, "Parameter 'action.parameters.flow_message_version' must be 3")
    text_at(body, "action", "parameters", "flow_cta", most=30)
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise GraphError(131008, "Exactly one of 'action.parameters.flow_id' and 'flow_name' is mandatory")
    if parameters.get("flow_action", "navigate") not in ("navigate", "data_exchange"):
        raise GraphError(131009, "Parameter 'action.parameters.flow_action' must be navigate or data_exchange")


def _location_request(body: Body) -> None:
    _body(body)
    _action(body, "send_location")


def _contact_request(body: Body) -> None:
    _body(body)
    _action(body, "request_contact_info")


def _call_permission(body: Body) -> None:
    _action(body, "call_permission_request")


def _product(body: Body) -> None:
    need(body, "action", "catalog_id")
    need(body, "action", "product_retailer_id")


def _product_list(body: Body) -> None:
    _body(body)
    if need(body, "header", "type") != "text":
        raise GraphError(131009, "Parameter 'header.type' must be text for product_list")
    need(body, "action", "catalog_id")
    sections = objects(body, "action", "sections")
    products = [item for section in sections for item in objects(section, "product_items")]
    if len(sections) > _MOST_SECTIONS or not 1 <= len(products) <= _MOST_PRODUCTS:
        raise GraphError(131009, "A product list has 1 to 30 products in at most 10 sections")
    for item in products:
        need(item, "product_retailer_id")
    _titled(sections)


def _catalog(body: Body) -> None:
    _body(body)
    _action(body, "catalog_message")


def _action(body: Body, name: str) -> None:
    if need(body, "action", "name") != name:
        raise GraphError(131009, f"Parameter 'action.name' must be {name}")


def _titled(sections: list[Body]) -> None:
    """One section may go without a title, several may not."""
    for section in sections:
        if len(sections) > 1 or section.get("title"):
            text_at(section, "title", most=24)


def _unique(values: list[str]) -> None:
    if len(set(values)) < len(values):
        raise GraphError(131009, "Duplicated id or title found")


#: Kind -> its check, the headers it may have, whether it may have a footer.
_KINDS: dict[str, tuple[Callable[[Body], None], tuple[str, ...], bool]] = {
    "button": (_button, _ANY_HEADER, True),
    "list": (_list, ("text",), True),
    "cta_url": (_cta_url, _ANY_HEADER, True),
    "flow": (_flow, _ANY_HEADER, True),
    "product": (_product, (), True),
    "product_list": (_product_list, ("text",), True),
    "catalog_message": (_catalog, (), True),
    "location_request_message": (_location_request, (), False),
    "request_contact_info": (_contact_request, (), False),
    "call_permission_request": (_call_permission, (), False),
}
