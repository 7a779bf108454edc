"""What is wrong with a template: by our own rules, and between the file's words and the account's (R8, R13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from syncer.domain.message import Category
from syncer.domain.template import Template
from syncer.domain.template_button import TemplateButton
from syncer.policies import identification
from syncer.policies.template_standing import Standing, obstacle

#: Header formats and kinds of buttons that can be filled here (`Template.fill`).
_HEADERS = ("", "TEXT", "IMAGE", "VIDEO", "DOCUMENT")
#: States in which the platform lets a template be edited.
EDITABLE = ("APPROVED", "REJECTED", "PAUSED")


def differences(ours: Template, theirs: Template) -> list[str]:
    """The parts in which the account's text is not the file's. An authentication template's texts are the platform's
    own: there only the button counts."""
    preset = ours.category == Category.AUTHENTICATION
    parts = {
        "header": (ours.header_format, ours.header) != (theirs.header_format, theirs.header),
        "body": not preset and ours.body != theirs.body,
        "footer": not preset and ours.footer != theirs.footer,
        "buttons": [_essence(b) for b in ours.buttons] != [_essence(b) for b in theirs.buttons],
    }
    return [name for name, differ in parts.items() if differ]


def problems(
    ours: Template | None, theirs: Template | None, standing: Standing | None, company: str, *, catalogue_known: bool
) -> list[str]:
    """Everything that a person should look at. `ours` is the file's template, `theirs` the account's, either may be
    missing; of one that is only the account's, its state is not our business."""
    found = [*_rules(theirs or ours, company)]
    if ours is None:
        return found
    if not catalogue_known:
        return [*found, "the account's catalogue was never read"]
    if trouble := obstacle(standing, catalogue_known=True):
        found.append(trouble)
    if standing is not None and standing.quality == "RED":
        found.append("its quality is RED")
    if theirs is not None:
        found += [f"the file and the account differ in the {part}" for part in differences(ours, theirs)]
        if theirs.category != ours.category:
            found.append(f"the account's category is {theirs.category}, the file's {ours.category}")
    return found


def _rules(template: Template | None, company: str) -> Iterator[str]:
    if template is None:
        return
    if objection := identification.objection(template, company):
        yield objection
    if template.header_format not in _HEADERS:
        yield f"a header of the format {template.header_format} cannot be filled here"
    for button in template.buttons:
        if not button.fillable:
            yield f"a button of the kind {button.kind} cannot be filled here"


def _essence(button: TemplateButton) -> TemplateButton:
    """A button without what only one side says: our payload, and how the platform writes that of a one-time code."""
    if button.carries_code:
        return TemplateButton("OTP", button.text)
    text = "" if button.kind == "COPY_CODE" else button.text
    return replace(button, text=text, payload="")
