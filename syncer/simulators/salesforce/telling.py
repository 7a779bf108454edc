"""Outbound messages: records that fulfil a rule are told to an address, as SOAP, until it acknowledges them.

Source: "Outbound messaging" of the SOAP API guide: at most a hundred notifications together, delivered in no order,
repeated for a day, each time with what the record says by then; one that was deleted meanwhile comes without data. No
signature. Rules fire when a record is created or edited, not when it is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from syncer.simulators.pushing import Manner, Post, Pusher
from syncer.simulators.salesforce.ids import checksum, record_id
from syncer.simulators.salesforce.org import Org
from syncer.simulators.salesforce.records import Record

#: The rules of a company that has set the engine up: `when` says which values a record must have.
WANTED: tuple[Mapping[str, Any], ...] = (
    {"object": "Contact"},
    {"object": "Task", "when": {"WA_Status__c": "to_send"}},
    {"object": "WA_Message__c", "when": {"WA_Status__c": "to_send"}},
)
_SOAP, _OURS = "http://schemas.xmlsoap.org/soap/envelope/", "http://soap.sforce.com/2005/09/outbound"
_XSI, _SF = "http://www.w3.org/2001/XMLSchema-instance", "urn:sobject.enterprise.soap.sforce.com"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACTION = record_id("04k", 1)


@dataclass(frozen=True, slots=True)
class Notification:
    """One record to be told of; its `id` stays the same however often it is delivered."""

    id: str
    kind: str
    record: Record


class Teller:
    """Tells the company's address of what its rules ask for."""

    def __init__(self, org: Org) -> None:
        self._org, self._numbers = org, count(1)
        self._pusher = Pusher(org, Manner(self._compose, _taken, self._pause, seconds=60.0))
        org.heard = self.heard

    def heard(self, kind: str, row: Record) -> None:
        """A record was created or edited."""
        if not self._org.outbound_url:
            return
        values = self._org.objects[kind].value
        for rule in self._org.outbound_rules:
            when = (rule.get("when") or {}).items()
            if rule["object"] == kind and all(values(row, name) == value for name, value in when):
                told = Notification(record_id("04l", next(self._numbers)), kind, row)
                self._pusher.tell(self._org.outbound_url, told)

    def _pause(self, attempt: int) -> float:
        return float(self._org.behaviour.push_retry * 2 ** (attempt - 1))

    def _compose(self, url: str, told: Sequence[Notification], attempt: int) -> Post:
        plain = self._org.config.organisation[:15]
        guards = "".join(checksum(plain[start : start + 5]) for start in (0, 5, 10))
        head = f"<OrganizationId>{plain}{guards}</OrganizationId><ActionId>{_ACTION}</ActionId>"
        body = "".join(map(self._notification, told))
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_SOAP}" xmlns:xsi="{_XSI}">'
            f'<soapenv:Body><notifications xmlns="{_OURS}">{head}{body}</notifications>'
            "</soapenv:Body></soapenv:Envelope>"
        )
        return Post(text.encode(), {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'})

    def _notification(self, told: Notification) -> str:
        kind = quoteattr(f"sf:{told.kind}")
        if told.record.deleted:
            return f'<Notification><Id>{told.id}</Id><sObject xsi:nil="true"/></Notification>'
        fields = {"Id": told.record.id, **{name: told.record.values[name] for name in sorted(told.record.values)}}
        words = "".join(f"<sf:{name}>{_text(value)}</sf:{name}>" for name, value in fields.items())
        return (
            f'<Notification><Id>{told.id}</Id><sObject xsi:type={kind} xmlns:sf="{_SF}">{words}</sObject>'
            "</Notification>"
        )


def _text(value: object) -> str:
    """A value as XML can hold it."""
    words = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(_NO_XML.sub("", words))


def _taken(status: int, body: bytes) -> bool:
    return status == 200 and b"<Ack>true</Ack>" in body
