"""The buttons under a template, and the values that variables may have (R13).

Source: the platform's pages on template components and authentication templates; the codes are those of its error
table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: A variable of a text or an address: {{1}} or {{name}}.
VARIABLE = re.compile(r"\{\{\s*([a-z0-9_]+)\s*\}\}")
#: What a parameter may not hold: the platform refuses it at sending (132012, 132018).
_LAYOUT = re.compile(r"[\n\r\t]| {5,}")
_SPACE = re.compile(r"\s")
LONGEST_URL = 2000
#: Characters of a one-time code, and of a coupon's code that is copied.
LONGEST_CODE = 15
LONGEST_COUPON = 20
#: How the platform lists the button of a one-time code: an address with the code at its end.
_CODE_ADDRESS = "/otp/code/"
#: What a button can be given at sending, by its kind; a kind that is not here cannot be sent by us.
_TAKES = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "OTP": "url",
    "COPY_CODE": "copy_code",
    "FLOW": "flow",
    "PHONE_NUMBER": None,
    "VOICE_CALL": None,
    "CATALOG": None,
    "REQUEST_CONTACT_INFO": None,
}


class TemplateMismatch(ValueError):
    """The parameters given do not fit the template: wrong count, a missing name, an empty or overlong value."""


@dataclass(frozen=True, slots=True)
class ButtonParameter:
    """What completes a button. `kind` is the platform's sub_type: `url` (the address's end), `quick_reply` (the
    payload that comes back), `copy_code`, `flow` (the flow's token). `index` counts from 0."""

    index: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class TemplateButton:
    """A button as approved. `kind` QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP, FLOW ...; `url` may end in {{1}};
    `payload` is ours: what a quick reply shall bring back."""

    kind: str
    text: str = ""
    url: str = ""
    phone_number: str = ""
    payload: str = ""

    @property
    def carries_code(self) -> bool:
        """Whether it hands over a one-time code: submitted as OTP, listed by the platform as a URL."""
        return self.kind == "OTP" or _CODE_ADDRESS in self.url

    @property
    def takes(self) -> str | None:
        """The sub_type of the parameter it cannot be sent without; None when it needs none."""
        if self.kind == "OTP" or (self.kind == "URL" and VARIABLE.search(self.url)):
            return "url"
        return "copy_code" if self.kind == "COPY_CODE" else None

    @property
    def fillable(self) -> bool:
        """Whether a message with such a button can be sent by us at all."""
        return self.kind in _TAKES

    def address(self, value: str) -> str:
        """Where it leads, with the value at the end of its address."""
        return VARIABLE.sub(lambda _: value, self.url)

    def check(self, what: str, given: ButtonParameter | None) -> None:
        """Raises `TemplateMismatch` for what the platform would refuse (131008, 132000, 132005, 132012, 132018)."""
        if not self.fillable:
            raise TemplateMismatch(f"{what} is of the kind {self.kind}, which cannot be filled here")
        if given is None:
            if self.takes:
                raise TemplateMismatch(f"{what} needs a parameter of kind {self.takes}")
            return
        possible = self.takes if self.kind == "URL" else _TAKES[self.kind]
        if given.kind != possible:
            raise TemplateMismatch(f"{what} takes {f'a parameter of kind {possible}' if possible else 'no parameter'}")
        check_value(f"the parameter of {what}", given.value)
        if possible == "url" and _SPACE.search(given.value):
            raise TemplateMismatch(f"the parameter of {what} holds a space")
        longest = LONGEST_CODE if self.carries_code else LONGEST_COUPON if self.kind == "COPY_CODE" else None
        if longest and len(given.value) > longest:
            raise TemplateMismatch(f"{what}: a code has at most {longest} characters")
        if len(self.address(given.value)) > LONGEST_URL:
            raise TemplateMismatch(f"{what}: its address is longer than {LONGEST_URL} characters")


def check_value(what: str, value: str) -> None:
    """Raises `TemplateMismatch` for a value that the platform takes nowhere."""
    if not value.strip():
        raise TemplateMismatch(f"{what} is empty")
    if _LAYOUT.search(value):
        raise TemplateMismatch(f"{what} holds a line break, a tab or more than four spaces in a row")
