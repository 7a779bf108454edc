"""How a TOML file becomes a typed frozen model, and how its mistakes are told: file, key path, problem, in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from config.errors import ConfigurationError, did_you_mean, problem_of

LABELS = ("id", "name", "crm", "country")
"""Keys that name an entry of a list better than its number does."""

Model = TypeVar("Model", bound="FileModel")


class FileModel(BaseModel):
    """A frozen piece of a TOML file; an unknown key is an error, since it is nearly always a typing slip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _knows_every_key(cls, data: object) -> object:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise ValueError(f"has an unknown key '{key}'; {did_you_mean(str(key), known)}")
        return data


def read(path: Path, model: type[Model]) -> Model:
    """Read `path` as `model`; raises `ConfigurationError` at the first mistake."""
    data = _parsed(path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = " ".join(filter(None, (f"{path.parent.name}/{path.name}", _key_path(data, first["loc"]))))
        raise ConfigurationError(name, problem_of(dict(first))) from None


def _parsed(path: Path) -> dict[str, Any]:
    name = f"{path.parent.name}/{path.name}"
    try:
        # Prices are money: read as written, not as the nearest binary fraction.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise ConfigurationError(name, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(name, f"is not UTF-8 text at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(name, f"is not valid TOML: {error}") from None


def _key_path(data: object, location: tuple[int | str, ...]) -> str:
    """Write a location as `rules[complaint].keywords`: entries of lists by their own name where they have one."""
    path = ""
    for step in location:
        data = _inside(data, step)
        path += f"[{_label(data, step)}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _inside(data: object, step: int | str) -> object:
    if isinstance(data, Mapping):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None


def _label(entry: object, index: int) -> object:
    if not isinstance(entry, Mapping):
        return index
    return next((entry[key] for key in LABELS if isinstance(entry.get(key), str)), index)
