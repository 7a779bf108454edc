"""A template's values in the shape of the Graph API: header, body and buttons, each a component of its own.

Source: the platform's pages on template messages and on authentication templates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncer.domain.template import HeaderMedium, TemplateContent
from syncer.domain.template_button import ButtonParameter

Body = dict[str, Any]


def template(content: TemplateContent) -> Body:
    """The object under `template`. What takes no value is no component."""
    told: Body = {"name": content.name, "language": {"code": content.language}}
    components = list(_components(content))
    return {**told, "components": components} if components else told


def _components(content: TemplateContent) -> Iterator[Body]:
    if content.header is not None:
        yield {"type": "header", "parameters": [_header(content.header, content.header_name)]}
    if content.parameters:
        names = content.names or ("",) * len(content.parameters)
        pairs = zip(names, content.parameters, strict=True)
        yield {"type": "body", "parameters": [_value(value, name) for name, value in pairs]}
    for button in sorted(content.buttons, key=lambda button: button.index):
        parameter = _button(button)
        yield {"type": "button", "sub_type": button.kind, "index": str(button.index), "parameters": [parameter]}


def _header(header: str | HeaderMedium, name: str) -> Body:
    if isinstance(header, str):
        return _value(header, name)
    named = {"id": header.id, "link": header.link, "filename": header.filename}
    return {"type": header.kind, header.kind: {key: value for key, value in named.items() if value is not None}}


def _value(value: str, name: str) -> Body:
    """A value by position, or by name in a template of named parameters."""
    return {"type": "text", "parameter_name": name, "text": value} if name else {"type": "text", "text": value}


def _button(button: ButtonParameter) -> Body:
    match button.kind:
        case "quick_reply":
            return {"type": "payload", "payload": button.value}
        case "copy_code":
            return {"type": "coupon_code", "coupon_code": button.value}
        case "flow":
            return {"type": "action", "action": {"flow_token": button.value}}
        case _:
            return {"type": "text", "text": button.value}
