"""The TOML files, each read into its typed model; a mistake raises `ConfigurationError` with file, key and problem."""

from __future__ import annotations

from pathlib import Path

from config.mapping import CrmMapping
from config.object_mapping import ObjectMapping
from config.prices import PriceTable
from config.rules import RuleBook
from config.templates import Catalogue
from config.toml import read
from config.tuning import Tuning


def load_tuning(folder: Path) -> Tuning:
    """The figures the engine runs by, from `syncer.toml`."""
    return read(folder / "syncer.toml", Tuning)


def load_rules(folder: Path) -> RuleBook:
    """Replies, handoffs, tags and consent words, from `rules.toml`."""
    return read(folder / "rules.toml", RuleBook)


def load_templates(folder: Path) -> Catalogue:
    """The starter catalogue of message templates, from `templates.toml`."""
    return read(folder / "templates.toml", Catalogue)


def load_prices(folder: Path) -> PriceTable:
    """Prices per delivered message, from `prices.toml`."""
    return read(folder / "prices.toml", PriceTable)


def load_mapping(folder: Path, crm: str) -> CrmMapping:
    """The layout of the database called `crm`, from `mappings/<crm>.toml`."""
    return read(folder / "mappings" / f"{crm}.toml", CrmMapping)


def load_object_mapping(folder: Path, crm: str) -> ObjectMapping:
    """The mapping of the vendor's CRM called `crm`, from `mappings/<crm>.toml`."""
    return read(folder / "mappings" / f"{crm}.toml", ObjectMapping)
