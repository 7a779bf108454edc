"""The template catalogue of the WhatsApp Business account: look-up, creation, pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import objects
from syncer.simulators.whatsapp.templates import PLACEHOLDER, Template

_NAME = re.compile(r"[a-z0-9_]{1,512}$")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?$")
_CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_FIRST_ID = 700_000_000_000_001
_LONGEST_FOOTER, _LONGEST_BODY = 60, 1024


class Catalogue:
    """Templates by (name, language) and, for pages, in the order of their ids."""

    def __init__(self, seeds: Iterable[Mapping[str, Any]]) -> None:
        self._seeds = list(seeds)
        self.reset()

    def reset(self) -> None:
        """Back to the seeds."""
        self._by_key: dict[tuple[str, str], Template] = {}
        self._last_id = _FIRST_ID - 1
        for seed in self._seeds:
            self.put(seed)

    def __len__(self) -> int:
        return len(self._by_key)

    def put(self, spec: Mapping[str, Any]) -> Template:
        """Set a template as the operator of the simulator likes, unreviewed: `name` and `language`, and any other
        field.

        Fields left out keep their value in a template that exists. Raises `ValueError` for what is no template at all.
        """
        key = (str(spec.get("name", "")), str(spec.get("language", "")))
        old = self._by_key.get(key)
        if not all(key) or (old is None and not spec.get("components")):
            raise ValueError("a template needs 'name', 'language' and 'components'")
        known = {item.name for item in fields(Template)} - {"id", "parts", "placeholders"}
        values = {name: getattr(old, name) for name in known} if old else {}
        values |= {name: value for name, value in spec.items() if name in known}
        template = Template(**{"category": "UTILITY", **values, "id": old.id if old else self._next_id()})
        self._by_key[key] = template
        return template

    def find(self, name: str, language: str) -> Template:
        """The template to send; raises 132001 when there is none under that name and language."""
        found = self._by_key.get((name, language))
        if found is None:
            raise GraphError(132001, f"template name ({name}) does not exist in {language}")
        return found

    def by_name(self, name: str) -> list[Template]:
        """Every language of a template."""
        return [template for template in self._by_key.values() if template.name == name]

    def delete(self, name: str, template_id: str | None) -> None:
        """Remove every language of a name, or one by id; raises 100/2593002 when there is none."""
        doomed = [item for item in self.by_name(name) if template_id is None or item.id == template_id]
        if not doomed:
            raise GraphError(
                100, "message template not found", subcode=2593002, user_title="Message Template Not Found"
            )
        for template in doomed:
            del self._by_key[template.name, template.language]

    def create(self, spec: Mapping[str, Any]) -> Template:
        """A template submitted for review (PENDING); raises what the platform answers to a malformed or known one."""
        name, language = str(spec.get("name", "")), str(spec.get("language", ""))
        category = str(spec.get("category", "")).upper()
        if not _NAME.match(name):
            raise GraphError(100, message="(#100) Param name must match ^[a-z0-9_]{1,512}$.")
        if not _LANGUAGE.match(language):
            raise GraphError(100, message=f"(#100) Param language does not know {language!r}.")
        if category not in _CATEGORIES:
            raise GraphError(100, message=f"(#100) Param category must be one of {{{', '.join(_CATEGORIES)}}}.")
        if (name, language) in self._by_key:
            text = (
                f"There is already {language} content for this template. You can create a new template and try again."
            )
            raise GraphError(100, text, subcode=2388024, user_title="Content in This Language Already Exists")
        _check_components(objects(spec, "components"))
        try:
            return self.put({**spec, "category": category, "status": "PENDING", "quality_score": "UNKNOWN"})
        except ValueError as error:
            raise GraphError(100, str(error), subcode=2388043, user_title="Invalid parameter") from None

    def page(self, query: Mapping[str, str]) -> tuple[list[Template], str | None, str | None, bool]:
        """One page for the API's filters `name`, `status`, `category`, `language`, `limit`, `after`, `before`.

        Returns the templates, the cursors of the first and last, and whether more follow.
        """
        chosen = [item for item in self._by_key.values() if _passes(item, query)]
        limit = _limit(query.get("limit"))
        if "before" in query:
            end = _position(query["before"])
            chosen = [item for item in chosen if int(item.id) < end][-limit:]
            more = bool(chosen)
        else:
            start = _position(query["after"]) if "after" in query else 0
            rest = [item for item in chosen if int(item.id) > start]
            chosen, more = rest[:limit], len(rest) > limit
        if not chosen:
            return [], None, None, False
        return chosen, _cursor(chosen[0]), _cursor(chosen[-1]), more

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _passes(template: Template, query: Mapping[str, str]) -> bool:
    """Filters as the API has them: name contains, the others are equal or in a list."""
    if query.get("name", "") not in template.name:
        return False
    wanted = {name: query[name].strip('[]" ').upper() for name in ("status", "category", "language") if name in query}
    return all(str(getattr(template, name)).upper() in re.split(r'[",\s]+', value) for name, value in wanted.items())


def _limit(text: str | None) -> int:
    if text is None:
        return 25
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise GraphError(100, message="(#100) Param limit must be a number between 1 and 1000.")
    return int(text)


def _cursor(template: Template) -> str:
    return base64.urlsafe_b64encode(template.id.encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise GraphError(100, message="(#100) Invalid cursors values: the cursor is not one of this list.") from None


def _check_components(components: Sequence[Mapping[str, Any]]) -> None:
    """What a review refuses before any person looks: no body, too long, variables without examples or at the edges."""
    parts = {str(part.get("type", "")).upper(): part for part in components}
    body = str(parts.get("BODY", {}).get("text", ""))
    if not body:
        raise GraphError(100, message="(#100) Param components must hold a BODY with text.")
    if len(body) > _LONGEST_BODY or len(str(parts.get("FOOTER", {}).get("text", ""))) > _LONGEST_FOOTER:
        raise GraphError(100, "The message body or footer is too long.", subcode=2388040, user_title="Field too long")
    if PLACEHOLDER.search(body) and not parts["BODY"].get("example"):
        text = "A template with variables needs an example of each."
        raise GraphError(100, text, subcode=2388043, user_title="Component is missing expected field(s)")
    if PLACEHOLDER.match(body.strip()) or re.search(r"\}\}$", body.strip()):
        text = "Variables can't be at the start or end of the template."
        raise GraphError(100, text, subcode=2388299, user_title="Leading or trailing params not allowed")
