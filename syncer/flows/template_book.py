"""The template that is really sent when one is asked for: the account's own text, in the nearest language that may go,
naming its sender (R8, R13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import Refused
from syncer.domain.template import Template, from_graph
from syncer.domain.text import storable
from syncer.flows.templates import Templates
from syncer.policies import identification
from syncer.policies.template_language import choose
from syncer.store import templates as rows
from syncer.store.templates import Key


@dataclass(frozen=True)
class TemplateBook:
    """Every template that can be asked for. `starters` are those of the configuration by (name, language); where the
    account has a text of its own, that is what the customer will read. `order` names the company's languages, its
    default first."""

    templates: Templates
    starters: Mapping[Key, Template]
    company: str
    order: Sequence[str] = ()

    def choose(self, tx: Connection, name: str, language: str) -> Template:
        """The template for someone whose language is `language`, in the nearest one that may go: its `language` says
        which. Raises `Refused` with the reason when none may be sent now, or when it does not name its sender."""
        offered = self.named(tx, name)
        if not offered:
            raise Refused(f"there is no template {name!r}")
        standings = self.templates.sendable(tx, list(offered))
        taken = choose([key for key in offered if standings[key].obstacle is None], name, language, self.order)
        if taken is None:
            reasons = "; ".join(f"in {key[1]} it {standings[key].obstacle}" for key in sorted(offered))
            raise Refused(f"the template {name!r} cannot be sent now: {reasons}")
        template = offered[name, taken]
        if objection := identification.objection(template, self.company):
            raise Refused(objection)
        return template

    def named(self, tx: Connection, name: str) -> dict[Key, Template]:
        """Every language of one template."""
        name = storable(name)
        ours = {key: template for key, template in self.starters.items() if key[0] == name}
        return ours | account_templates(rows.by_names(tx, [name]), self.starters)


def account_templates(found: Mapping[Key, Row[Any]], starters: Mapping[Key, Template]) -> dict[Key, Template]:
    """The account's templates as nouns; of those only heard of by notice the text is not known. What our quick replies
    bring back is not kept by the platform, so it is taken from the configuration, by the button's text."""
    known = {key: _template(row) for key, row in found.items() if row.components}
    return {key: _with_payloads(template, starters.get(key)) for key, template in known.items() if template.body}


def _template(row: Row[Any]) -> Template:
    return from_graph(
        {"name": row.name, "language": row.language, "category": row.category, "components": row.components}
    )


def _with_payloads(template: Template, ours: Template | None) -> Template:
    payloads = {button.text: button.payload for button in ours.buttons if button.payload} if ours else {}
    buttons = [replace(button, payload=payloads.get(button.text, "")) for button in template.buttons]
    return replace(template, buttons=tuple(buttons))
