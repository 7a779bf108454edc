"""An account's catalogue of templates at the platform, for tests of the flows: what it lists is what the test says."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from syncer.domain.errors import DeliveryError
from syncer.domain.template import CataloguedTemplate, from_graph

FOOTER = "Formosa Tea"


def listed(
    name: str = "order_confirmation",
    language: str = "zh_TW",
    status: str = "APPROVED",
    *,
    body: str = "您好 {{1}}，訂單 {{2}} 已成立。",
    footer: str = FOOTER,
    category: str = "UTILITY",
    quality: str = "GREEN",
    id: str = "1",
    **more: Any,
) -> CataloguedTemplate:
    """One row of a catalogue."""
    components = [{"type": "BODY", "text": body}, *([{"type": "FOOTER", "text": footer}] if footer else [])]
    item = {"name": name, "language": language, "category": category, "components": components}
    return CataloguedTemplate(id, from_graph(item), status, quality, components=tuple(components), **more)


class FakeCatalogue:
    """`rows` is the catalogue; `error` is raised instead of an answer, `after` it happened where `late` is true."""

    def __init__(self, *rows: CataloguedTemplate) -> None:
        self.rows = list(rows)
        self.error: DeliveryError | None = None
        self.late = False
        self.readings = 0
        self._ids = count(1000)

    def templates(self) -> list[CataloguedTemplate]:
        """The whole catalogue, or the error."""
        self.readings += 1
        if self.error is not None:
            raise self.error
        return list(self.rows)

    def create_template(self, payload: Mapping[str, Any]) -> CataloguedTemplate:
        """Listed as PENDING from now on."""
        if self.error is not None and not self.late:
            raise self.error
        components = tuple(payload["components"])
        made = CataloguedTemplate(str(next(self._ids)), from_graph(payload), "PENDING", components=components)
        self.rows.append(made)
        if self.error is not None:
            raise self.error
        return made

    def edit_template(self, template_id: str, payload: Mapping[str, Any]) -> None:
        """Its components are replaced and reviewed."""
        if self.error is not None:
            raise self.error
        row = next(row for row in self.rows if row.id == template_id)
        item = {"name": row.template.name, "language": row.template.language, "category": row.template.category}
        edited = CataloguedTemplate(
            row.id, from_graph({**item, **payload}), "PENDING", components=tuple(payload["components"])
        )
        self.rows[self.rows.index(row)] = edited

    def delete_template(self, name: str, template_id: str | None = None) -> None:
        """Gone, in one language or all."""
        if self.error is not None:
            raise self.error
        self.rows = [row for row in self.rows if row.template.name != name or template_id not in (None, row.id)]
