"""The shipped TOML files, to be spoilt one line at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.files import load_mapping, load_object_mapping, load_prices, load_rules, load_templates, load_tuning
from config.settings import PACKAGED_FILES

LOADERS = {
    "syncer.toml": load_tuning,
    "rules.toml": load_rules,
    "templates.toml": load_templates,
    "prices.toml": load_prices,
    "mappings/sql.toml": lambda folder: load_mapping(folder, "sql"),
    "mappings/hubspot.toml": lambda folder: load_object_mapping(folder, "hubspot"),
    "mappings/salesforce.toml": lambda folder: load_object_mapping(folder, "salesforce"),
    "mappings/zoho.toml": lambda folder: load_object_mapping(folder, "zoho"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files."""
    copy = tmp_path / "config"
    shutil.copytree(PACKAGED_FILES, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


@pytest.fixture
def load() -> Callable[[str, Path], object]:
    """`load(file, folder)` reads a file by its name."""
    return lambda file, folder: LOADERS[file](folder)


@pytest.fixture
def spoilt(folder: Path) -> Callable[[str, str, str], str]:
    """`spoilt(file, old, new)` replaces `old` by `new` in a shipped file and gives back what loading it says."""

    def spoil(file: str, old: str, new: str) -> str:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} no longer contains {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ConfigurationError) as caught:
            LOADERS[file](folder)
        return str(caught.value)

    return spoil
