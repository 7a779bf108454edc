"""Settings of a simulator that `POST /_sim/settings` changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


class Settings:
    """Settings that are numbers or booleans, and dataclasses of such one level down (`limits`)."""

    __slots__ = ()

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set values by name; raises `ValueError` for what there is not."""
        for name, value in changes.items():
            section = getattr(self, name, None)
            if isinstance(value, Mapping) and hasattr(section, "__dataclass_fields__"):
                for inner, number in value.items():
                    _set(section, inner, number)
            else:
                _set(self, name, value)


def _set(target: Any, name: str, value: Any) -> None:
    if name not in {item.name for item in fields(target)}:
        raise ValueError(f"there is no setting {name!r}")
    if not isinstance(value, int | float):
        raise ValueError(f"{name!r} is a number or a boolean")
    if hasattr(getattr(target, name), "__dataclass_fields__"):
        raise ValueError(f"{name!r} holds settings and is none itself")
    setattr(target, name, value)
