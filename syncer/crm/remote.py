"""What all adapters of an API have in common: one client, and a mapping that is held against the other side first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from config.object_mapping import ContactObject
from syncer.crm.base import rules
from syncer.domain.contact import FieldRule
from syncer.domain.errors import DeliveryError
from syncer.http import HttpClient


class Remote(ABC):
    """A CRM behind an API, read and written as `mapping` says. Nothing is connected before the first call."""

    def __init__(self, mapping: ContactObject, http: HttpClient) -> None:
        self._mapping, self._http = mapping, http

    @property
    def rules(self) -> Mapping[str, FieldRule]:
        """What the mapping says of each contact field."""
        return rules(self._mapping.fields)

    def prepare(self) -> None:
        """Hold the mapping against the CRM now. Raises `ConfigurationError` if they do not fit; a CRM that does not
        answer is left for later."""
        try:
            self._compare()
        except DeliveryError:
            return
        finally:
            self._http.close()

    def rings(self) -> bool:
        """Never: what a vendor tells comes to a door of the web process."""
        return False

    def close(self) -> None:
        """Give back every connection."""
        self._http.close()

    @abstractmethod
    def _compare(self) -> object:
        """Hold the mapping against the CRM, once. Raises `ConfigurationError`, `TryAgain`, `TryLater`,
        `FixCredentials`."""
