"""How the columns of a recipients' file become the values of a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config import files
from config.templates import Template as FileTemplate
from syncer import catalogue
from syncer.bootstrap import Runtime
from syncer.cli.output import WrongUsage
from syncer.domain.campaign import Recipient
from syncer.domain.template import ButtonParameter, HeaderMedium, Template

#: Column of a text header's value; of a button that takes one, with its place from 0 (`button_0`).
HEADER, BUTTON = "header", "button_"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns that one template needs. `item` is the file's template; without one the account's `template` says
    what it takes."""

    columns: tuple[str, ...]
    template: Template
    item: FileTemplate | None = None
    medium: HeaderMedium | None = None

    def recipient(self, contact_id: int, row: Mapping[str, str]) -> Recipient:
        """One person's values."""
        if self.item is not None:
            filling = catalogue.filled(self.item, row, self.medium)
            return Recipient(contact_id, filling.parameters, filling.header, filling.buttons)
        buttons = tuple(
            ButtonParameter(index, button.takes, row[f"{BUTTON}{index}"])
            for index, button in enumerate(self.template.buttons)
            if button.takes and not button.carries_code
        )
        header = row[HEADER] if self.template.header_variable else self.medium
        return Recipient(contact_id, {name: row[name] for name in self.template.variables}, header, buttons)


def sheet_of(runtime: Runtime, name: str, header: str | None) -> Sheet:
    """What a template takes. `header` names the medium above its body, by a link or the platform's id. Raises
    `WrongUsage` when there is no such template, or when it lacks its medium."""
    with runtime.store.begin() as tx:
        offered = runtime.template_book.named(tx, name)
    if not offered:
        raise WrongUsage(f"there is no template '{name}'; see syncer templates list")
    template = next(iter(offered.values()))
    medium = _medium(template, header)
    file = files.load_templates(runtime.settings.config_dir)
    item = next((one for one in file.templates if one.name == name), None)
    return Sheet(item.values if item else _columns(template), template, item, medium)


def _columns(template: Template) -> tuple[str, ...]:
    header = [HEADER] if template.header_variable else []
    places = [index for index, button in enumerate(template.buttons) if button.takes and not button.carries_code]
    return (*header, *template.variables, *(f"{BUTTON}{index}" for index in places))


def _medium(template: Template, header: str | None) -> HeaderMedium | None:
    wants = template.header_format in ("IMAGE", "VIDEO", "DOCUMENT")
    if wants != (header is not None):
        raise WrongUsage(f"'{template.name}' has {'a' if wants else 'no'} medium above its body: --header")
    if header is None:
        return None
    kind = template.header_format.lower()
    return HeaderMedium(kind, link=header) if "://" in header else HeaderMedium(kind, id=header)
