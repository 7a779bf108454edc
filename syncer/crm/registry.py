"""Which CRMs there are. One line per adapter, imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from config.errors import ConfigurationError, did_you_mean
from config.settings import Settings
from syncer.crm.tokens import Tokens
from syncer.ports import CRM

#: Name -> module and function that makes the adapter of the settings.
ADAPTERS = {
    "hubspot": "syncer.crm.hubspot.adapter:from_settings",
    "salesforce": "syncer.crm.salesforce.adapter:from_settings",
    "sql": "syncer.crm.sql.adapter:from_settings",
    "zoho": "syncer.crm.zoho.adapter:from_settings",
}


def build(name: str, settings: Settings, tokens: Tokens | None = None) -> CRM:
    """The adapter called `name`; `tokens` are those that all workers share, for a vendor who gives out few of them.
    Raises `ConfigurationError` when there is none of that name, when a setting that it needs is missing, or when its
    mapping does not fit the CRM. A CRM that does not answer is no error here: its calls raise once they are made, and
    the rest of the engine works on."""
    path = ADAPTERS.get(name)
    if path is None:
        raise ConfigurationError("CRM", f"names '{name}', which has no adapter; {did_you_mean(name, ADAPTERS)}", "sql")
    module, _, function = path.partition(":")
    make = cast("Callable[..., CRM]", getattr(import_module(module), function))
    return make(settings) if tokens is None else make(settings, tokens)
