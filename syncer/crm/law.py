"""Whose word on which field stands, by the mapping files alone: for those who ask no CRM anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from config import files
from config.settings import Settings
from syncer.crm.base import rules
from syncer.domain.contact import FieldRule
from syncer.policies.ownership import Law


def load(settings: Settings) -> Law:
    """The rules of every configured CRM, the master first. Raises `ConfigurationError` for a file that does not fit."""
    names = settings.crm.names
    return Law({name: _rules(settings.config_dir, name) for name in names}, names)


def _rules(folder: Path, crm: str) -> Mapping[str, FieldRule]:
    if crm == "sql":
        return rules(files.load_mapping(folder, crm).contacts.fields)
    return rules(files.load_object_mapping(folder, crm).contacts.fields)
