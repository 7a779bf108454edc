"""Environment variables as data: how a settings field names its variable, and where a variable's text comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, Field

from config.errors import ConfigurationError


@dataclass(frozen=True)
class Variable:
    """The outside face of one settings field."""

    name: str
    meaning: str
    example: str
    """A value that is accepted, shown in every error about this variable."""
    default: str | None = None
    """The text used when the variable is unset; None leaves the field empty."""
    secret: bool = False

    def error(self, problem: str) -> ConfigurationError:
        """The error for this variable, with its example."""
        return ConfigurationError(self.name, problem, f"{self.name}={self.example}")


def variable(name: str, meaning: str, example: str, default: str | None = None, *, secret: bool = False) -> Any:
    """Declare a settings field that is read from the environment variable `name`; see `Variable`."""
    # The field itself has no default: every text, set or default, goes through the same validation.
    mark = Variable(name, meaning, example, default, secret)
    return Field(repr=not secret, json_schema_extra={"variable": mark})  # type: ignore[dict-item]


def variables(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Variable]]:
    """Yield every variable of `model` and of the sections in it, with the attribute path of its field."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, (*path, name))
        if isinstance(field.json_schema_extra, dict):
            yield (*path, name), field.json_schema_extra["variable"]  # type: ignore[misc]


def environment(env: Mapping[str, str] | None, dotenv: Path | None) -> dict[str, str]:
    """Join the process environment over the `.env` file; an empty value counts as unset.

    With `env` given, nothing else is read unless `dotenv` names a file: a test sees what it passes and no more.
    """
    if env is None:
        env, dotenv = os.environ, dotenv or Path(".env")
    # Without interpolation a password may contain a dollar sign.
    file = dotenv_values(dotenv, interpolate=False, encoding="utf-8-sig") if dotenv and dotenv.is_file() else {}
    return {name: value.strip() for name, value in {**file, **env}.items() if value and value.strip()}


def file_of(name: str, env: Mapping[str, str] | None, dotenv: Path | None) -> Path | None:
    """The file in which a change of this variable would show: that of `NAME_FILE`, else `.env`; None for a variable of
    the process itself, which stands above the file and cannot change while it runs."""
    if env is None:
        env, dotenv = os.environ, dotenv or Path(".env")
    if env.get(f"{name}_FILE"):
        return Path(env[f"{name}_FILE"])
    return None if env.get(name) else dotenv


def text_of(variable: Variable, env: Mapping[str, str]) -> str | None:
    """The text of `variable`: its own value, or the content of the file named by `NAME_FILE`, or its default."""
    file_name = f"{variable.name}_FILE"
    if file_name not in env:
        return env.get(variable.name, variable.default)
    if variable.name in env:
        raise variable.error(f"is set and so is {file_name}; keep one of them")
    return _secret_file(file_name, Path(env[file_name]))


def _secret_file(name: str, path: Path) -> str:
    example = f"{name}=/run/secrets/{name.removesuffix('_FILE').lower()}"
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        # ValueError: undecodable bytes in the file, or a path that no file system has.
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(name, f"the file {path} cannot be read: {reason}", example) from None
    if not text:
        raise ConfigurationError(name, f"the file {path} is empty", example)
    return text


def folded(model: type[BaseModel], env: Mapping[str, str]) -> dict[str, Any]:
    """Read every variable of `model` and fold the texts into the shape of the model, one level of sections deep."""
    shape: dict[str, Any] = {}
    for path, variable in variables(model):
        section = shape.setdefault(path[0], {}) if len(path) > 1 else shape
        section[path[-1]] = text_of(variable, env)
    return shape
