"""The template catalogue of the WhatsApp Business account: look-up, creation, pages."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from syncer.simulators.whatsapp.answers import page_limit
from syncer.simulators.whatsapp.components import checked
from syncer.simulators.whatsapp.config import AccountRules
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import objects
from syncer.simulators.whatsapp.templates import Template

_NAME = re.compile(r"[a-z0-9_]{1,512}$")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?$")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_FORMATS = ("POSITIONAL", "NAMED")
_FIRST_ID = 700_000_000_000_001
_OWN = ("id", "parts", "placeholders", "pieces")


class Catalogue:
    """Templates by (name, language), by id and, for pages, in the order of their ids."""

    def __init__(self, seeds: Iterable[Mapping[str, Any]], rules: AccountRules) -> None:
        self._seeds, self._rules = list(seeds), rules
        self.reset()

    def reset(self) -> None:
        """Back to the seeds."""
        self._by_key: dict[tuple[str, str], Template] = {}
        self._by_id: dict[str, Template] = {}
        self._blocked: dict[tuple[str, str], float] = {}
        self._last_id = _FIRST_ID - 1
        for seed in self._seeds:
            self.put(seed)

    def __len__(self) -> int:
        return len(self._by_key)

    def put(self, spec: Mapping[str, Any]) -> Template:
        """Set a template as the operator of the simulator likes, unreviewed: `name` and `language`, and any other
        field.

        Fields left out keep their value in a template that exists; a changed category leaves `previous_category`
        behind. A template for one-time codes may come as it is submitted, without texts. Raises `ValueError` for what
        is no template at all.
        """
        key = (str(spec.get("name", "")), str(spec.get("language", "")))
        old = self._by_key.get(key)
        if not all(key) or (old is None and not spec.get("components")):
            raise ValueError("a template needs 'name', 'language' and 'components'")
        known = {item.name for item in fields(Template)} - set(_OWN)
        values = {name: getattr(old, name) for name in known} if old else {}
        values |= {name: value for name, value in spec.items() if name in known}
        values["components"] = _as_listed(values)
        if old is not None and values["category"] != old.category:
            values["previous_category"] = spec.get("previous_category", old.category)
        if old is not None and values["quality_score"] != old.quality_score:
            values["quality_at"] = time.time()
        return self._keep(Template(**{"category": "UTILITY", **values, "id": old.id if old else self._next_id()}))

    def get(self, name: str, language: str) -> Template | None:
        """The template of that name and language, if there is one."""
        return self._by_key.get((name, language))

    def by_id(self, template_id: str) -> Template | None:
        """The template with this id, if there is one."""
        return self._by_id.get(template_id)

    def by_name(self, name: str, language: str | None = None) -> list[Template]:
        """Every language of a template, or one."""
        return [item for item in self._by_key.values() if item.name == name and language in (None, item.language)]

    def find(self, name: str, language: str) -> Template:
        """The template to send; raises 132001 when there is none under that name and language."""
        found = self._by_key.get((name, language))
        if found is None:
            raise GraphError(132001, f"template name ({name}) does not exist in {language}")
        return found

    def block(self, name: str, language: str, until: float) -> None:
        """Nobody may use the name (in all languages: "") for a new template before the unix second `until`."""
        self._blocked[name, language] = until

    def remove(self, template: Template) -> None:
        """It is gone."""
        self._by_key.pop((template.name, template.language), None)
        self._by_id.pop(template.id, None)

    def create(self, spec: Mapping[str, Any]) -> Template:
        """A template submitted for review (PENDING); raises what the platform answers to a malformed or known one."""
        name, language = str(spec.get("name", "")), str(spec.get("language", ""))
        category = str(spec.get("category", "")).upper()
        form = str(spec.get("parameter_format") or "POSITIONAL").upper()
        if not _NAME.match(name):
            raise GraphError(100, message="(#100) Param name must match ^[a-z0-9_]{1,512}$.")
        if not _LANGUAGE.match(language):
            raise GraphError(100, message=f"(#100) Param language does not know {language!r}.")
        if category not in CATEGORIES:
            raise GraphError(100, message=f"(#100) Param category must be one of {{{', '.join(CATEGORIES)}}}.")
        if form not in _FORMATS:
            raise GraphError(100, message=f"(#100) Param parameter_format must be one of {{{', '.join(_FORMATS)}}}.")
        self._check_room(name, language)
        components = checked(objects(spec, "components"), category, form, language)
        review = {"status": "PENDING", "quality_score": "UNKNOWN", "rejected_reason": "NONE"}
        kept = {key: spec[key] for key in ("message_send_ttl_seconds",) if key in spec}
        values = {**kept, **review, "category": category, "parameter_format": form, "components": components}
        return self._keep(Template(id=self._next_id(), name=name, language=language, **values))

    def replace(self, template: Template, values: Mapping[str, Any]) -> Template:
        """The same template with other values."""
        known = {item.name: getattr(template, item.name) for item in fields(Template) if item.name not in _OWN}
        return self._keep(Template(**{**known, **values, "id": template.id}))

    def page(self, query: Mapping[str, str]) -> tuple[list[Template], str | None, str | None, bool]:
        """One page for the API's filters and `limit`, `after`, `before`.

        Returns the templates, the cursors of the first and last, and whether more follow.
        """
        chosen = [item for item in self._by_key.values() if _passes(item, query)]
        limit = page_limit(query.get("limit"))
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

    def _check_room(self, name: str, language: str) -> None:
        until = max(self._blocked.get((name, language), 0.0), self._blocked.get((name, ""), 0.0))
        if until > time.time():
            text = f"New {language} content can't be added while the existing content is being deleted."
            raise GraphError(100, text, subcode=2388023, user_title="Message template language is being deleted")
        if (name, language) in self._by_key:
            text = (
                f"There is already {language} content for this template. You can create a new template and try again."
            )
            raise GraphError(100, text, subcode=2388024, user_title="Content in This Language Already Exists")
        limit = self._rules.template_limit
        if limit and len(self._by_key) >= limit:
            text = f"The limit is {limit} message templates per WhatsApp Business Account."
            raise GraphError(100, text, subcode=2388019, user_title="Message Template Limit Exceeded")

    def _keep(self, template: Template) -> Template:
        self._by_key[template.name, template.language] = self._by_id[template.id] = template
        return template

    def _next_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)


def _as_listed(values: Mapping[str, Any]) -> Any:
    """The components as the platform lists them: it writes the texts of templates for one-time codes itself."""
    components = values["components"]
    bodies = [part for part in components if str(part.get("type", "")).upper() == "BODY"]
    if str(values.get("category")).upper() != "AUTHENTICATION" or any(part.get("text") for part in bodies):
        return components
    try:
        return checked(list(components), "AUTHENTICATION", "POSITIONAL", str(values["language"]))
    except GraphError as error:
        raise ValueError(str(error)) from None


def _passes(template: Template, query: Mapping[str, str]) -> bool:
    """Filters as the API has them: name and content contain, the others are equal or in a list."""
    content = str(template.parts.get("body", {}).get("text", ""))
    either = query.get("name_or_content", "")
    if query.get("source", "").upper() == "AUTO_GENERATED":
        return False
    if query.get("name", "") not in template.name or query.get("content", "") not in content:
        return False
    if either not in template.name and either not in content:
        return False
    names = ("status", "category", "language", "quality_score")
    wanted = {name: query[name].strip('[]" ').upper() for name in names if name in query}
    return all(str(getattr(template, name)).upper() in re.split(r'[",\s]+', value) for name, value in wanted.items())


def _cursor(template: Template) -> str:
    return base64.urlsafe_b64encode(template.id.encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise GraphError(100, message="(#100) Invalid cursors values: the cursor is not one of this list.") from None
