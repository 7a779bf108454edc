"""The adapter examines itself, for `syncer doctor`: nothing is written, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable

from config.errors import ConfigurationError
from config.object_mapping import ContactObject
from syncer.crm.agent_messages import TO_SEND, words_of_status
from syncer.crm.zoho import handoffs
from syncer.crm.zoho import mapping as layout
from syncer.crm.zoho.call import Api
from syncer.crm.zoho.datacentres import is_another, named
from syncer.crm.zoho.mapping import MESSAGE_FIELDS, MESSAGES, REF, Module
from syncer.crm.zoho.note_replies import NO_SCOPE, SEARCH_SCOPE, TITLE, searched
from syncer.crm.zoho.replies import FromModule
from syncer.domain.crm_record import CrmCheck
from syncer.domain.errors import DeliveryError

#: R21: a mapping of fewer fields works, but says little about a customer.
CORE_FIELDS = 15


def examine(api: Api, contacts: ContactObject) -> list[CrmCheck]:
    """One line per question; the first one ends it when the answer is no."""
    try:
        domain = api.auth.token().domain
        known = layout.module(api, contacts.object)
    except DeliveryError as error:
        return [CrmCheck("organisation reachable and permitted", False, str(error))]
    other = is_another(domain, api.auth.api_url)
    detail = f"at {named(domain)}" + (f", not at ZOHO_API_URL {named(api.auth.api_url)}" if other else "")
    return [
        CrmCheck("organisation reachable and permitted", True, detail),
        _of_mapping(contacts, known),
        _of_count(contacts),
        _asked("contacts readable", lambda: api.get(contacts.object, {"fields": "id", "per_page": "1"})),
        _asked("queries permitted", lambda: api.query(f"select id from {contacts.object} where id > '0' limit 0, 1")),
        _of_messages(api),
        _of_replies(api),
        _of_desk(api),
    ]


def _of_mapping(contacts: ContactObject, known: Module) -> CrmCheck:
    try:
        layout.check_contacts(contacts, known)
    except ConfigurationError as error:
        return CrmCheck("mapping fits the organisation", False, str(error))
    return CrmCheck("mapping fits the organisation", True)


def _of_count(contacts: ContactObject) -> CrmCheck:
    mapped = len(contacts.to_contact)
    return CrmCheck("fields mapped", mapped >= CORE_FIELDS, f"{mapped} of at least {CORE_FIELDS}")


def _of_messages(api: Api) -> CrmCheck:
    name = "messages are written once"
    try:
        messages = layout.module_if_any(api, MESSAGES)
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
    if messages is None:
        return CrmCheck(name, True, f"as notes; a module {MESSAGES} would keep status and direction in fields")
    if lacking := layout.lacking(messages):
        return CrmCheck(name, False, f"the module {MESSAGES} lacks {', '.join(lacking)}: messages become notes")
    options = messages.options(MESSAGE_FIELDS["status"])
    if options and (words := [word for word in words_of_status() if word not in options]):
        return CrmCheck(name, False, f"the pick list {MESSAGE_FIELDS['status']} lacks {', '.join(words)}")
    return CrmCheck(name, True, f"in the module {MESSAGES}")


def _of_replies(api: Api) -> CrmCheck:
    name = "people's messages are found"
    try:
        messages = layout.module_if_any(api, MESSAGES)
        if messages is not None and not layout.lacking(messages):
            FromModule(messages).waiting(api, None)
            return CrmCheck(name, True, f"in {MESSAGES}, with the status '{TO_SEND}'")
        searched(api)
    except DeliveryError as error:
        more = f"; the scope {SEARCH_SCOPE} is needed" if error.code == NO_SCOPE else ""
        return CrmCheck(name, False, f"{error}{more}")
    return CrmCheck(name, True, f"in notes with the title '{TITLE}'")


def _of_desk(api: Api) -> CrmCheck:
    name = "handoffs have a place"
    try:
        desk = handoffs.desk(api)
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
    how = f"by the field {REF}" if desk.by_field else f"by their text; a unique field {REF} would be safer"
    return CrmCheck(name, True, f"in {desk.module.name}, known again {how}")


def _asked(name: str, ask: Callable[[], object]) -> CrmCheck:
    try:
        ask()
    except DeliveryError as error:
        return CrmCheck(name, False, str(error))
    return CrmCheck(name, True)
