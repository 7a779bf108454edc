"""The templates of the account at the platform (R13): read, submitted, edited, deleted.

Source: the platform's page on template management.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from syncer.domain.errors import OutcomeUnknown
from syncer.domain.template import CataloguedTemplate, from_graph
from syncer.whatsapp.call import NOT_THE_PROMISE, Part, node, word
from syncer.whatsapp.shapes import mapping, rows

FIELDS = "id,name,language,status,category,previous_category,components,parameter_format,quality_score,rejected_reason"

logger = logging.getLogger(__name__)


class GraphCatalogue(Part):
    """Implements `ports.Catalogue`."""

    def templates(self) -> list[CataloguedTemplate]:
        """The account's whole catalogue, every state. A row without name or language is passed over."""
        listing = self._graph.rows(f"{self._graph.account}/message_templates", {"fields": FIELDS})
        return [listed for row in listing if (listed := _listed(row)) is not None]

    def create_template(self, payload: Mapping[str, Any]) -> CataloguedTemplate:
        """Submit a template for review. `payload` is the platform's own shape, as in `config/templates.toml`.

        After `OutcomeUnknown` a look at the catalogue tells; a second submission is refused (2388024), not doubled.
        """
        path = f"{self._graph.account}/message_templates"
        answer = self._graph.change("POST", path, json=dict(payload))
        if not word(answer, "id"):
            raise OutcomeUnknown("the answer to a submission names no template", code=NOT_THE_PROMISE)
        told: dict[str, Any] = {name: answer[name] for name in ("id", "status", "category") if name in answer}
        return catalogued({"status": "PENDING"} | dict(payload) | told)

    def edit_template(self, template_id: str, payload: Mapping[str, Any]) -> None:
        """Replace components and category. An approved template may be edited once a day and ten times a month."""
        self._graph.change("POST", node(template_id), json=dict(payload))

    def delete_template(self, name: str, template_id: str | None = None) -> None:
        """Delete a template in all languages, or the one language with this id. An approved one's name cannot be used
        again for 30 days."""
        one = {} if template_id is None else {"hsm_id": template_id}
        self._graph.change("DELETE", f"{self._graph.account}/message_templates", params={**one, "name": name})

    def unpause_template(self, template_id: str) -> None:
        """End a pause before its time. Raises as `edit_template`."""
        self._graph.change("POST", f"{node(template_id)}/unpause")


def catalogued(item: Mapping[str, Any]) -> CataloguedTemplate:
    """One row of the catalogue. Raises `KeyError` when it has no name or no language."""
    reason = word(item, "rejected_reason", "NONE")
    return CataloguedTemplate(
        id=word(item, "id"),
        template=from_graph(item),
        status=word(item, "status").upper(),
        quality=word(mapping(item.get("quality_score")), "score", "UNKNOWN").upper(),
        parameter_format=word(item, "parameter_format", "POSITIONAL").upper(),
        rejected_reason=None if reason == "NONE" else reason,
        previous_category=word(item, "previous_category").lower() or None,
        components=tuple(part for part in rows(item.get("components")) if isinstance(part, dict)),
    )


def _listed(row: Mapping[str, Any]) -> CataloguedTemplate | None:
    try:
        return catalogued(row)
    except (KeyError, AttributeError, TypeError, ValueError) as strange:
        logger.warning("template catalogue: a row was skipped: %r", strange)
        return None
