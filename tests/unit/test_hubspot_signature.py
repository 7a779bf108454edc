"""HubSpot's signature v3 of what it sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from syncer.crm.hubspot.signature import verify

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp() * 1000))
URI = "https://sync.example.com/webhooks/hubspot?account=1"
BODY = '[{"eventId":1,"subscriptionType":"contact.propertyChange","propertyValue":"王"}]'.encode()


def signed(secret: str = "s-1", uri: str = URI, body: bytes = BODY, stamp: str = STAMP) -> str:
    content = b"POST" + uri.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()


def good(signature: str | None, *, uri: str = URI, body: bytes = BODY, stamp: str | None = STAMP) -> bool:
    secrets = ["s-2", "s-1"]
    return verify(secrets, method="post", uri=uri, body=body, timestamp=stamp, signature=signature, now=NOW)


def test_a_delivery_signed_with_any_current_secret_is_theirs() -> None:
    assert good(signed())
    assert good(signed("s-2"))


def test_a_known_signature_is_reproduced() -> None:
    # Reckoned by openssl: printf '%s' "POST$URI$BODY$STAMP" | openssl dgst -sha256 -hmac s-1 -binary | base64
    fixed = "9QMs0IPRGZdoOfVlky2qvxCNomKffRwTrxyW5A1qRA4="
    assert good(fixed, body=b"[]")


@pytest.mark.parametrize(
    "signature", [None, "", "nonsense", signed("other"), signed(body=b"[]"), signed(uri=URI + "&x=1"), "é"]
)
def test_anything_else_is_not(signature: str | None) -> None:
    assert not good(signature)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_delivery_of_another_time_is_not(minutes: int) -> None:
    stamp = str(int((NOW + timedelta(minutes=minutes)).timestamp() * 1000))
    assert not good(signed(stamp=stamp), stamp=stamp)


@pytest.mark.parametrize("stamp", [None, "", "soon", "-1", "1e9", "１７"])
def test_a_delivery_without_a_time_is_not(stamp: str | None) -> None:
    assert not good(signed(stamp=stamp or ""), stamp=stamp)


def test_a_few_characters_of_the_address_are_signed_decoded() -> None:
    told = "https://sync.example.com/webhooks/hubspot?to=a%40b.c%2Fd&q=%20%e4"
    plain = "https://sync.example.com/webhooks/hubspot?to=a@b.c/d&q=%20%e4"
    assert good(signed(uri=plain), uri=told)
