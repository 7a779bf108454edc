"""Headers and buttons of `templates.toml`, each checked by itself."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.toml import FileModel

_VARIABLE = re.compile(r"\{\{\s*([a-z0-9_]+)\s*\}\}")

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]
Text = Annotated[str, Field(min_length=1)]


def variables(text: str) -> list[str]:
    """The variables of a text, each once, in the order of their first use."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


class Header(FileModel):
    """What stands above the body: a text, whose one variable `parameter` fills, or a medium given at sending."""

    format: Literal["TEXT", "IMAGE", "VIDEO", "DOCUMENT"]
    text: dict[Language, Annotated[str, Field(min_length=1, max_length=60)]] | None = None
    parameter: str | None = None

    @model_validator(mode="after")
    def _has_what_it_shows(self) -> Header:
        if (self.format == "TEXT") != (self.text is not None):
            raise ValueError("a header of format TEXT, and no other, has a text")
        if self.parameter and self.text is None:
            raise ValueError("only the text of a header has a parameter")
        return self

    def check(self, language: str, *, named: bool) -> None:
        """Raises `ValueError` when this language is missing or uses another variable."""
        if self.text is None:
            return
        if language not in self.text:
            raise ValueError(f"has a header without text in {language}")
        if variables(self.text[language]) != _wanted(self.parameter, named=named):
            raise ValueError(f"has a header that does not use its parameter in {language}")


class Button(FileModel):
    """A button under the message.

    `QUICK_REPLY`: `payload` comes back in the webhook when it is pressed. `URL`: `url` may end in {{1}}, which
    `parameter` fills. `PHONE_NUMBER` calls `phone_number`. `COPY_CODE` copies the value of `parameter`. `OTP` copies
    the one-time code of an authentication template.
    """

    kind: Literal["QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "OTP"] = "QUICK_REPLY"
    text: dict[Language, Annotated[str, Field(min_length=1, max_length=25)]] | None = None
    payload: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,127}$")] | None = None
    url: Annotated[str, Field(pattern=r"^(https?://|\{site\})\S+$", max_length=2000)] | None = None
    phone_number: Annotated[str, Field(pattern=r"^\+[0-9]{5,19}$")] | None = None
    parameter: str | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Button:
        for kind, name in (("QUICK_REPLY", "payload"), ("URL", "url"), ("PHONE_NUMBER", "phone_number")):
            if (self.kind == kind) != (getattr(self, name) is not None):
                raise ValueError(f"a button of kind {kind}, and no other, has a {name}")
        # The platform writes the text of a copy-code button itself.
        if (self.kind == "COPY_CODE") == (self.text is not None):
            raise ValueError("every button but COPY_CODE has a text")
        used = variables(self.url or "")
        if used and not (self.url or "").endswith("{{1}}"):
            raise ValueError("the variable of a button's url is {{1}}, at its end")
        if (self.parameter is not None) != (bool(used) or self.kind == "COPY_CODE"):
            raise ValueError("a button has a parameter when its url ends in {{1}} or it copies a code")
        return self

    def check(self, language: str, *, named: bool) -> None:
        """Raises `ValueError` when this language is missing; a url's variable is {{1}} even where others have names."""
        if self.text is not None and language not in self.text:
            raise ValueError(f"has a button without text in {language}")


def _wanted(parameter: str | None, *, named: bool) -> list[str]:
    return [parameter if named else "1"] if parameter else []
