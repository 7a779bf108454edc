"""Tokens: one for all threads, another when Salesforce has had enough of it, signed requests in place of a secret."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.errors import ConfigurationError
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.tokens import ASSERTION_SECONDS, Tokens, client_credentials, jwt_bearer
from syncer.domain.errors import DeliveryError, FixCredentials, TryAgain
from syncer.http import HttpClient

LOGIN = "https://acme.my.salesforce.com"
DATA = "https://eu42.salesforce.com"
TOKEN = f"{LOGIN}/services/oauth2/token"


def granted(token: str, **more: Any) -> dict[str, Any]:
    identity = "https://login.salesforce.com/id/00D5g000001abcdEAB/0055g000001abcdAAA"
    return {"access_token": token, "instance_url": DATA, "id": identity, "token_type": "Bearer", **more}


def tokens() -> Tokens:
    return Tokens(HttpClient(), LOGIN + "/", client_credentials("id", "secret"))


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@responses.activate
def test_a_token_is_asked_for_once_by_however_many_threads() -> None:
    responses.post(TOKEN, json=granted("t-1"))
    shared = tokens()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: shared.current(), range(32)))
    assert {token.access for token in found} == {"t-1"}
    assert (found[0].instance_url, found[0].organisation) == (DATA, "00D5g000001abcdEAB")
    [call] = responses.calls
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
    assert dict(parse_qsl(str(call.request.body))) == form


@responses.activate
def test_a_token_that_has_ended_is_renewed_once() -> None:
    responses.post(TOKEN, json=granted("t-1"))
    responses.post(TOKEN, json=granted("t-2"))
    ended = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    responses.get(f"{DATA}/services/data/v67.0/limits", status=401, json=ended)
    responses.get(f"{DATA}/services/data/v67.0/limits", json={})
    Api(HttpClient(), tokens(), version="v67.0").get("limits")
    sent = [call.request.headers.get("Authorization") for call in responses.calls]
    assert sent == [None, "Bearer t-1", None, "Bearer t-2"]


@responses.activate
def test_a_user_whom_no_token_lets_in_is_told_after_one_renewal() -> None:
    responses.post(TOKEN, json=granted("t"))
    told = [{"message": "This session is not valid for use with the REST API", "errorCode": "INVALID_SESSION_ID"}]
    responses.get(f"{DATA}/services/data/v67.0/limits", status=401, json=told)
    with pytest.raises(FixCredentials, match="not valid for use"):
        Api(HttpClient(), tokens(), version="v67.0").get("limits")
    assert len(responses.calls) == 4


@responses.activate
def test_an_app_without_the_scope_is_told_before_the_first_call() -> None:
    responses.post(TOKEN, json=granted("t", scope="openid id"))
    with pytest.raises(FixCredentials, match="'api'"):
        tokens().current()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error":"invalid_client","error_description":"invalid client credentials"}', FixCredentials),
        (200, "<html>Login</html>", FixCredentials),
        (200, "{}", TryAgain),
        (200, '{"access_tok', TryAgain),
        (500, "", TryAgain),
        (302, "", FixCredentials),
    ],
)
@responses.activate
def test_a_login_that_fails_leaves_no_token_behind(status: int, body: str, kind: type[DeliveryError]) -> None:
    responses.post(TOKEN, status=status, body=body)
    shared = tokens()
    with pytest.raises(kind):
        shared.current()
    responses.reset()
    responses.post(TOKEN, json=granted("t-2"))
    assert shared.current().access == "t-2"


def test_a_signed_request_is_made_of_the_apps_key_and_the_users_name() -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = jwt_bearer("app", "syncer@acme.example", LOGIN, pem(key), lambda: 1_000.5)()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = (part + "=" * (-len(part) % 4) for part in form["assertion"].split("."))
    assert json.loads(base64.urlsafe_b64decode(head)) == {"alg": "RS256"}
    expected = {"iss": "app", "sub": "syncer@acme.example", "aud": LOGIN, "exp": 1_000 + ASSERTION_SECONDS}
    assert json.loads(base64.urlsafe_b64decode(claims)) == expected
    content = form["assertion"].rpartition(".")[0].encode()
    key.public_key().verify(base64.urlsafe_b64decode(signature), content, PKCS1v15(), SHA256())


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_told_by_its_variable(text: str) -> None:
    with pytest.raises(ConfigurationError, match="SALESFORCE_PRIVATE_KEY"):
        jwt_bearer("app", "user", LOGIN, text)


def test_a_key_of_another_kind_is_told_by_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="RSA"):
        jwt_bearer("app", "user", LOGIN, pem(ec.generate_private_key(ec.SECP256R1())))
