"""Which CRMs there are. One line per adapter, imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from config.errors import ConfigurationError, did_you_mean
from config.settings import Settings
from syncer.crm.sharing import ALONE, Shared
from syncer.ports import CRM, ChangeNotices, Clock

#: Name -> module and function that makes the adapter of the settings.
ADAPTERS = {
    "hubspot": "syncer.crm.hubspot.adapter:from_settings",
    "salesforce": "syncer.crm.salesforce.adapter:from_settings",
    "sql": "syncer.crm.sql.adapter:from_settings",
    "zoho": "syncer.crm.zoho.adapter:from_settings",
}

#: Those that tell us of changes themselves: module and function that makes the reader of their notices.
TELLING = {
    "hubspot": "syncer.crm.hubspot.notices:from_settings",
    "salesforce": "syncer.crm.salesforce.notices:from_settings",
    "zoho": "syncer.crm.zoho.notices:from_settings",
}


def build(name: str, settings: Settings, shared: Shared = ALONE) -> CRM:
    """The adapter called `name`; `shared` is what it has in common with those of other processes. Raises
    `ConfigurationError` when there is none of that name, when a setting that it needs is missing, or when its mapping
    does not fit the CRM. A CRM that does not answer is no error here: its calls raise once they are made, and the rest
    of the engine works on."""
    path = ADAPTERS.get(name)
    if path is None:
        raise ConfigurationError("CRM", f"names '{name}', which has no adapter; {did_you_mean(name, ADAPTERS)}", "sql")
    module, _, function = path.partition(":")
    make = cast("Callable[..., CRM]", getattr(import_module(module), function))
    return make(settings, shared)


def notices(name: str, settings: Settings, clock: Clock) -> ChangeNotices | None:
    """Who reads what the CRM called `name` tells; None for one that tells nothing. Connects to nothing. Raises
    `ConfigurationError` naming a setting without which its word cannot be told from anybody's."""
    path = TELLING.get(name)
    if path is None:
        return None
    module, _, function = path.partition(":")
    make = cast("Callable[..., ChangeNotices]", getattr(import_module(module), function))
    return make(settings, clock)
