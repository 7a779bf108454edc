"""The adapter examines itself, for `syncer doctor`: nothing is written, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.errors import ConfigurationError
from config.object_mapping import ContactObject
from syncer.crm.agent_messages import TO_SEND, words_of_status
from syncer.crm.salesforce import mapping as layout
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.mapping import MESSAGE_FIELDS, Described
from syncer.crm.salesforce.replies import replies
from syncer.domain.crm_record import CrmCheck
from syncer.domain.errors import DeliveryError, FixCredentials

#: R21: a mapping of fewer fields works, but says little about a customer.
CORE_FIELDS = 15


def examine(api: Api, contacts: ContactObject) -> list[CrmCheck]:
    """One line per question; the first one ends it when the answer is no."""
    try:
        known = layout.described(api, contacts.object)
    except DeliveryError as error:
        return [CrmCheck("org reachable and permitted", False, str(error))]
    checks = [CrmCheck("org reachable and permitted", True), *_of_mapping(api, contacts, known)]
    checks.append(_asked("contacts readable", lambda: _first(api, contacts.object)))
    checks.append(_asked("messages are written once", lambda: _messages(api, contacts.object)))
    checks.append(_asked("people's messages are found", lambda: _replies(api, contacts.object)))
    checks.append(_asked("cases are written once", lambda: _cases(api)))
    return checks


def _of_mapping(api: Api, contacts: ContactObject, known: Described) -> Iterator[CrmCheck]:
    try:
        layout.check_contacts(api, contacts, known)
    except (ConfigurationError, DeliveryError) as error:
        yield CrmCheck("mapping fits the org", False, str(error))
    else:
        yield CrmCheck("mapping fits the org", True)
    mapped = len(contacts.to_contact)
    yield CrmCheck("fields mapped", mapped >= CORE_FIELDS, f"{mapped} of at least {CORE_FIELDS}")


def _first(api: Api, kind: str) -> str:
    api.rows(f"SELECT Id FROM {kind} ORDER BY Id LIMIT 1")
    return ""


def _messages(api: Api, contacts: str) -> str:
    shape = layout.message_shape(api, contacts)
    lacking = [name for role, name in MESSAGE_FIELDS.items() if role not in shape.roles]
    left_out = f"; not kept, since their fields are missing: {', '.join(lacking)}" if lacking else ""
    return f"in {shape.known.name}{left_out}"


def _replies(api: Api, contacts: str) -> str:
    """One question as it is asked all the time, and whether the words are there."""
    shape = layout.message_shape(api, contacts)
    name = shape.roles.get("status")
    if name is None:
        return f"none: {shape.known.name} has no field {MESSAGE_FIELDS['status']}"
    lacking = [word for word in words_of_status() if not shape.known.takes(name, word)]
    if lacking:
        raise FixCredentials(f"the restricted list {shape.known.name}.{name} lacks {', '.join(lacking)}", code="words")
    replies(api, shape, None)
    return f"in {shape.known.name}, with the status '{TO_SEND}'"


def _cases(api: Api) -> str:
    layout.require_ref(layout.described(api, "Case"))
    return ""


def _asked(name: str, ask: Callable[[], str]) -> CrmCheck:
    try:
        return CrmCheck(name, True, ask())
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
