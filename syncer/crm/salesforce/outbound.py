"""Outbound messages: what an org tells us of changed records, as SOAP. Pure functions; the HTTP door is elsewhere.

Source: "Outbound messaging" of the SOAP API guide. A delivery holds up to 100 notifications and no signature, so it is
known by the org's id and by a secret in the address that only the org was given. It is repeated for 24 hours until it
is acknowledged, and comes in no order: whoever takes it in keeps each notification's id, and reads the records anew.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from syncer.crm.salesforce import soql

#: Notifications of one delivery, by the vendor's word.
MOST_NOTIFICATIONS = 100
#: Bytes of a delivery: 100 records of a few hundred fields stay far below.
LARGEST = 4 * 1024 * 1024
_NOTIFICATIONS = "http://soap.sforce.com/2005/09/outbound"
_DEEPEST = 16
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<notificationsResponse xmlns="{_NOTIFICATIONS}"><Ack>%s</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True, slots=True)
class Notification:
    """One record that has changed. `id` is the notification's own, the same however often it is delivered; `kind` the
    object (`Contact`), `fields` what the org's administrator chose to send, as text; empty ones are left out."""

    id: str
    kind: str
    crm_id: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request held. `organisation` is the sender's id, as it says itself: see `is_from`."""

    organisation: str
    notifications: tuple[Notification, ...]


def answer(*, accepted: bool) -> bytes:
    """The body of our answer (`text/xml`, status 200): accepted is done with, anything else is delivered again."""
    return (_ANSWER % ("true" if accepted else "false")).encode()


def knows(secret: str, secrets: Sequence[str]) -> bool:
    """Whether what stood in the address is one of the current `secrets`; constant-time."""
    given = secret.encode(errors="replace")
    good = [hmac.compare_digest(given, one.encode()) for one in secrets if one]
    return any(good)


def is_from(delivery: Delivery, organisation: str, secret: str, secrets: Sequence[str]) -> bool:
    """Whether a delivery is really our org's: `secret` stood in the address it came to, `secrets` are the current ones.
    Constant-time. Ids of an org come with 15 or 18 characters, of which the first 15 say which it is."""
    same = bool(organisation) and delivery.organisation[:15] == organisation[:15]
    return knows(secret, secrets) and same


def parse(body: bytes) -> Delivery:
    """What a delivery says. Raises `ValueError` for anything that is none: no XML, a document type (which entities are
    declared in), too much, too deep, a record without an id."""
    if len(body) > LARGEST:
        raise ValueError(f"a delivery of {len(body)} bytes")
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ValueError(f"no XML: {error}") from None
    return reading.delivery()


def _refuse(*declaration: object) -> None:
    raise ValueError("a document type or an entity is declared, which no delivery needs")


class _Reading:
    """Takes in the elements of a delivery one after the other."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._words: list[str] = []
        self._organisation = ""
        self._id, self._kind = "", ""
        self._fields: dict[str, str] = {}
        self._found: list[Notification] = []
        self._seen, self._told = False, 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        self._path.append(local)
        self._words = []
        if len(self._path) > _DEEPEST:
            raise ValueError("nested too deeply")
        if local == "notifications" and space == _NOTIFICATIONS:
            self._seen = True
        if local == "Notification":
            self._id, self._kind, self._fields = "", "", {}
        if local == "sObject":
            told = next((value for key, value in attributes.items() if key.endswith(" type") or key == "type"), "")
            self._kind = told.rpartition(":")[2]

    def text(self, words: str) -> None:
        self._words.append(words)

    def end(self, name: str) -> None:
        text = "".join(self._words).strip()
        above = self._path[-2] if len(self._path) > 1 else ""
        match above, self._path.pop():
            case "notifications", "OrganizationId":
                self._organisation = text
            case "Notification", "Id":
                self._id = text
            case "sObject", field_name if text:
                self._fields[field_name] = text
            case _, "Notification":
                self._take()
        self._words = []

    def _take(self) -> None:
        self._told += 1
        if self._told > MOST_NOTIFICATIONS:
            raise ValueError(f"more than {MOST_NOTIFICATIONS} notifications")
        if not self._fields:
            # A record that was deleted while its notification waited: it comes without any data (the vendor's word).
            return
        crm_id = self._fields.pop("Id", "")
        if not self._id or not soql.is_id(crm_id):
            raise ValueError("a notification without its id or that of its record")
        self._found.append(Notification(self._id, self._kind, soql.long_id(crm_id), self._fields))

    def delivery(self) -> Delivery:
        if not self._seen or not soql.is_id(self._organisation) or not self._told:
            raise ValueError("none of Salesforce's outbound messages")
        return Delivery(self._organisation, tuple(self._found))
