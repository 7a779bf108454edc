"""Zoho's notices: whose they are, and what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.crm.zoho import watch
from syncer.crm.zoho.datacentres import is_another, named
from syncer.crm.zoho.notices import ZohoNotices
from syncer.domain.change_notice import Pushed

URL = "https://sync.example.com/webhooks/zoho"
CHANNEL = watch.channel_id("Contacts", URL)
SECRETS = ["new", "old"]


def notice(**changes: Any) -> bytes:
    told = {
        "server_time": 1795420800000,
        "module": "Contacts",
        "ids": ["4150868000000100001", "4150868000000100002"],
        "operation": "update",
        "channel_id": CHANNEL,
        "token": watch.token_of("new", CHANNEL),
    }
    return json.dumps(told | changes).encode()


def changed(body: bytes) -> tuple[str, ...] | None:
    found = ZohoNotices(SECRETS, URL, "Contacts").read(Pushed("/webhooks/zoho", {}, body))
    return None if found is None else tuple(one.record_id for one in found)


def test_a_genuine_notice_says_which_records_changed() -> None:
    assert changed(notice()) == ("4150868000000100001", "4150868000000100002")
    assert changed(notice(token=watch.token_of("old", CHANNEL))) is not None
    assert changed(notice(ids=["1", "1", "x", None, 2])) == ("1", "2")


@pytest.mark.parametrize(
    "changes",
    [
        {"token": ""},
        {"token": None},
        {"token": "guess"},
        {"token": "é"},
        {"token": watch.token_of("stolen", CHANNEL)},
        {"channel_id": "1"},
        {"channel_id": "1", "token": watch.token_of("new", "1")},
        {"module": "Leads"},
    ],
)
def test_a_notice_that_is_not_our_channels_says_nothing(changes: dict[str, Any]) -> None:
    assert changed(notice(**changes)) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"ids": "1"}', b"\xff"])
def test_what_is_no_notice_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a notice"):
        watch.read_notice(body)


def test_each_channel_has_a_word_of_its_own_that_zoho_takes() -> None:
    other = watch.channel_id("Contacts", f"{URL}/2")
    words = {watch.token_of(secret, channel) for secret in SECRETS for channel in (CHANNEL, other)}
    assert len(words) == 4
    assert all(20 < len(word) <= 50 for word in words)
    assert CHANNEL.isdecimal()
    assert int(CHANNEL) < 2**63


def test_data_centres_are_named() -> None:
    assert named("https://accounts.zoho.eu") == "accounts.zoho.eu (Europe)"
    assert named("https://www.zohoapis.com.au/x") == "www.zohoapis.com.au (Australia)"
    assert is_another("https://accounts.zoho.com", "https://www.zohoapis.eu")
    assert not is_another("https://accounts.zohocloud.ca", "https://www.zohoapis.ca")
    assert not is_another("http://127.0.0.1:1", "https://www.zohoapis.eu")
