"""Checks that every part of a request goes through: a value is there, is of its type, and is short enough."""

from __future__ import annotations

import re
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError

Body = dict[str, Any]
_LINK = re.compile(r"https?://\S+$")


def need(body: Any, *path: str) -> Any:
    """The value at `path`; raises 131008 naming the first key that is missing or empty."""
    value = body
    for depth, key in enumerate(path):
        value = value.get(key) if isinstance(value, dict) else None
        if value is None or value == "":
            raise GraphError(131008, f"Parameter '{'.'.join(path[: depth + 1])}' is mandatory")
    return value


def objects(body: Any, *path: str) -> list[Body]:
    """The list of objects at `path`; raises 131008 when it is missing and 131009 when it is something else."""
    value = need(body, *path)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise GraphError(131009, f"Parameter '{'.'.join(path)}' must be a list of objects")
    return value


def text_at(body: Body, *path: str, most: int) -> str:
    """The string at `path`; raises 131008, 131009, or 100 when it is longer than `most` characters."""
    value = need(body, *path)
    name = ".".join(path)
    if not isinstance(value, str):
        raise GraphError(131009, f"Parameter '{name}' must be a string")
    if len(value) > most:
        raise GraphError(100, message=f"(#100) Param {name} must be at most {most} characters long.")
    return value


def one_source(medium: Any) -> None:
    """A media object names its file by exactly one of `id` and `link`."""
    if not isinstance(medium, dict):
        raise GraphError(131009, "A media parameter must be an object")
    given = [key for key in ("id", "link") if medium.get(key)]
    if len(given) != 1:
        raise GraphError(131008 if not given else 131009, "Exactly one of id and link is needed")
    if "link" in given and not _LINK.match(str(medium["link"])):
        raise GraphError(131009, "The media link must be an http or https URL")
