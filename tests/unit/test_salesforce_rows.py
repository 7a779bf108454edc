"""Rows as they come from Salesforce: when two of them are the same, and what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.crm.salesforce.rows import Rows
from syncer.domain.crm_record import RawRow
from syncer.domain.errors import DeliveryError, FixCredentials, TryAgain, TryLater
from syncer.http import Response

FIELDS = load_object_mapping(PACKAGED_FILES, "salesforce").contacts.to_contact
ROWS = Rows(FIELDS, "TW")
ID = "003000000000001AAA"


def record(version: str = "v67.0", stamp: str = "2026-11-23T12:00:00.000+0000", **fields: Any) -> dict[str, Any]:
    def attributes(kind: str, crm_id: str) -> dict[str, str]:
        return {"type": kind, "url": f"/services/data/{version}/sobjects/{kind}/{crm_id}"}

    company = {"attributes": attributes("Account", "001000000000001AAA"), "Name": "山海貿易"}
    told = {"attributes": attributes("Contact", ID), "Id": ID, "Account": company, "LastName": "王"}
    return {**told, "SystemModstamp": stamp, **fields}


def page(*records: dict[str, Any], done: bool = True) -> Response:
    told = {"totalSize": len(records), "done": done, "records": list(records)}
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(200, {}, body)


def row(**how: Any) -> RawRow:
    [found] = ROWS.page(page(record(**how)))[0]
    return found


def test_a_row_is_the_same_after_a_touch_and_after_a_new_version_of_the_api() -> None:
    touched = row(stamp="2026-11-24T08:30:00.000+0000")
    renewed = row(version="v68.0")
    assert row().digest == touched.digest == renewed.digest
    assert ROWS.stamp(touched) == "2026-11-24T08:30:00.000+0000"


def test_a_row_is_another_when_anything_is_said_in_it() -> None:
    spoken = [row(), row(LastName="李"), row(Phone="1"), row(Phone="2"), row(Account=None), row(DoNotCall=True)]
    assert len({one.digest for one in spoken}) == len(spoken)


def test_a_value_that_looks_like_a_key_counts() -> None:
    lookalikes = ['"SystemModstamp":"1"', '"SystemModstamp":"2"', '"attributes":{"a":"1"},', '"attributes":{"a":"2"},']
    assert len({row(Description=text).digest for text in lookalikes}) == len(lookalikes)


def test_a_row_is_told_in_canonical_fields() -> None:
    told = row(FirstName="小明", MobilePhone="0912-345-678", DoNotCall=True, WA_Tags__c="VIP;老客戶", Owner=None)
    [found] = ROWS.translated([told])
    assert (found.crm_id, found.phone) == (ID, "+886912345678")
    expected = {"full_name": "王小明", "company": "山海貿易", "do_not_call": True, "tags": ["VIP", "老客戶"]}
    assert {name: found.fields.get(name) for name in expected} == expected
    assert "owner" not in found.fields
    assert found.changed_at is not None


def test_a_word_that_stands_in_for_a_name_is_no_name() -> None:
    [found] = ROWS.translated([row(LastName="(WhatsApp)")])
    assert not {"full_name", "last_name"} & found.fields.keys()


def test_half_a_surrogate_pair_is_read_as_far_as_it_goes() -> None:
    body = page(record(LastName="@")).body.replace(b'"@"', b'"\\ud83d \xe7\x8e\x8b"')
    rows, done = ROWS.page(Response(200, {}, body))
    assert done
    assert ROWS.translated(rows)[0].fields["last_name"] == "\ufffd 王"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Login</html>", FixCredentials),
        (b"<html>oops</html>", TryLater),
        (page(record()).body[:-40], TryAgain),
        (b'{"records":[]}', TryAgain),
        (b'{"done":true}', TryAgain),
        (b'{"records":[{"id":"1"}],"done":true}', TryAgain),
        (b'{"records":[7],"done":true}', TryAgain),
        (b"[]", TryAgain),
        (b"", TryAgain),
    ],
)
def test_what_is_no_page_is_not_taken_for_an_empty_one(body: bytes, kind: type[DeliveryError]) -> None:
    with pytest.raises(kind):
        ROWS.page(Response(200, {}, body))
