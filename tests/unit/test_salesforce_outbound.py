"""Outbound messages: who sent them, what they say, and what no parser should ever be made to do."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from syncer.crm.salesforce import soql
from syncer.crm.salesforce.outbound import MOST_NOTIFICATIONS, answer, is_from, parse

ORG = soql.long_id("00D5g000001abcd")


@pytest.fixture
def body(data: Path) -> bytes:
    return (data / "salesforce" / "outbound_message.xml").read_bytes()


def test_a_delivery_tells_which_records_have_changed(body: bytes) -> None:
    delivery = parse(body)
    assert delivery.organisation == ORG
    first, second = delivery.notifications
    assert (first.id, first.kind, first.crm_id) == ("04l5g00000CwVsZAAV", "Contact", soql.long_id("0035g00000XyZab"))
    assert first.fields == {"LastName": "王 & 李", "MobilePhone": "0912-345-678"}
    assert (second.crm_id, second.fields) == (first.crm_id, {})


def test_a_delivery_is_ours_by_the_org_and_the_secret_in_its_address(body: bytes) -> None:
    delivery = parse(body)
    assert is_from(delivery, ORG, "s-2", ["s-1", "s-2"])
    assert is_from(delivery, "00D5g000001abcd", "s-1", ["s-1"])
    assert not is_from(delivery, soql.long_id("00D5g000009zzzz"), "s-1", ["s-1"])
    assert not is_from(delivery, ORG, "s-3", ["s-1", "s-2"])
    assert not is_from(delivery, ORG, "", [""])
    assert not is_from(delivery, "", "s-1", ["s-1"])


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>',
        '<!DOCTYPE x SYSTEM "http://192.0.2.1/evil.dtd">',
    ],
)
def test_a_document_type_is_refused_before_anything_is_expanded(body: bytes, declaration: str) -> None:
    head, _, rest = body.partition(b"?>")
    with pytest.raises(ValueError, match="declared"):
        parse(head + b"?>" + declaration.encode() + rest.replace(b"0912-345-678", b"&a;"))


def test_what_is_no_delivery_is_refused(body: bytes) -> None:
    spoilt = [
        b"",
        b"{}",
        b"<a/>",
        body[: len(body) // 2],
        body.replace(b"soap.sforce.com/2005/09/outbound", b"example.com/other"),
        body.replace(b"<OrganizationId>", b"<OrganizationId>x"),
        body.replace(b"<Id>04l5g00000CwVsZAAV</Id>", b""),
        body.replace(b"<sf:Id>0035g00000XyZab</sf:Id>", b"<sf:Id>42</sf:Id>"),
        b"<a>" * 40 + b"</a>" * 40,
        b"x" * (5 * 1024 * 1024),
    ]
    for one in spoilt:
        with pytest.raises(ValueError, match=r"."):
            parse(one)


def test_more_notifications_than_salesforce_sends_are_refused(body: bytes) -> None:
    start, stop = body.index(b"<Notification>"), body.index(b"</Notification>") + len(b"</Notification>")
    one = body[start:stop]
    full = body[:start] + one * MOST_NOTIFICATIONS + b"</notifications></soapenv:Body></soapenv:Envelope>"
    assert len(parse(full).notifications) == MOST_NOTIFICATIONS
    with pytest.raises(ValueError, match="more than 100"):
        parse(full.replace(one, one + one, 1))


@pytest.mark.parametrize(("accepted", "word"), [(True, "true"), (False, "false")])
def test_the_answer_is_the_acknowledgement_that_salesforce_waits_for(accepted: bool, word: str) -> None:
    told = ElementTree.fromstring(answer(accepted=accepted))
    name = "{http://soap.sforce.com/2005/09/outbound}"
    assert [item.text for item in told.iter(f"{name}Ack")] == [word]
    assert told.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
