"""The adapter examines itself, for `syncer doctor`: nothing is written, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from config.errors import ConfigurationError
from config.object_mapping import ContactObject
from syncer.crm.hubspot import mapping as layout
from syncer.crm.hubspot.call import Api
from syncer.crm.hubspot.mapping import COMMUNICATION_PROPERTIES, REF, Definition
from syncer.domain.crm_record import CrmCheck
from syncer.domain.errors import DeliveryError

#: R21: a mapping of fewer fields works, but says little about a customer.
CORE_FIELDS = 15


def examine(api: Api, contacts: ContactObject) -> list[CrmCheck]:
    """One line per question; the first one ends it when the answer is no."""
    try:
        known = layout.definitions(api, contacts.object)
    except DeliveryError as error:
        return [CrmCheck("account reachable and permitted", False, str(error))]
    checks = [CrmCheck("account reachable and permitted", True), *_of_mapping(contacts, known)]
    checks.append(_asked("contacts readable", lambda: api.get(f"objects/{contacts.object}", {"limit": "1"})))
    checks.append(_prepared("contacts", [contacts.unique], lambda: known))
    for kind, wanted in (("communications", COMMUNICATION_PROPERTIES), ("tickets", [REF])):
        checks.append(_prepared(kind, wanted, lambda kind=kind: layout.definitions(api, kind)))  # type: ignore[misc]
    checks.append(_asked("tickets have a stage to begin with", lambda: layout.stage(api)))
    return checks


def _of_mapping(contacts: ContactObject, known: Mapping[str, Definition]) -> Iterator[CrmCheck]:
    try:
        layout.check_contacts(contacts, known)
    except ConfigurationError as error:
        yield CrmCheck("mapping fits the account", False, str(error))
    else:
        yield CrmCheck("mapping fits the account", True)
    mapped = len(contacts.to_contact)
    yield CrmCheck("fields mapped", mapped >= CORE_FIELDS, f"{mapped} of at least {CORE_FIELDS}")


def _prepared(kind: str, wanted: Sequence[str], ask: Callable[[], Mapping[str, Definition]]) -> CrmCheck:
    name = f"{kind} are written once"
    try:
        known = ask()
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
    unique = wanted[0]
    if unique in known and not known[unique].get("hasUniqueValue"):
        return CrmCheck(name, False, f"the property '{unique}' of {kind} may hold the same value twice: make it unique")
    lacking = [one for one in wanted if one not in known]
    detail = f"made at the first write: {', '.join(lacking)}" if lacking else f"by the property '{unique}'"
    if lacking and kind == "communications":
        detail += "; where the account takes none, direction and status stand in the body"
    return CrmCheck(name, True, detail)


def _asked(name: str, ask: Callable[[], object]) -> CrmCheck:
    try:
        ask()
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
    return CrmCheck(name, True)
