"""One call of Zoho's API: authorised, under a deadline, its refusal translated and its credits noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from syncer.crm.exchange import exchange, objects
from syncer.crm.refusals import object_of
from syncer.crm.zoho import errors
from syncer.crm.zoho.auth import Auth
from syncer.crm.zoho.datacentres import is_another, named
from syncer.crm.zoho.pace import LOOK_AGAIN, ZohoPace
from syncer.domain.access_token import AccessToken
from syncer.domain.errors import DeliveryError, FixCredentials, TryLater
from syncer.http import HttpClient, Response

#: Seconds from the call to the last byte of the answer. A page of two hundred contacts takes Zoho up to three.
DEADLINE = 10.0
#: Most records of one write, and most ids of one read.
BATCH = 100
#: Most records of one page.
PAGE = 200
#: A short listing that goes on for longer is going in circles.
_MOST_PAGES = 50
#: Digits of an id, which is a 64-bit number.
_LONGEST_ID = 19
#: Nothing there, and nothing changed since: both without a body.
_EMPTY = (204, 304)


class Api:
    """The way to one organisation, shared by all parts of the adapter.

    Every request of ours may be repeated at will - reads, updates by id, upserts, and inserts under a unique field - so
    no outcome stays unknown: `TryAgain` is raised instead.
    """

    def __init__(self, http: HttpClient, auth: Auth, *, version: str, pace: ZohoPace | None = None) -> None:
        self._http, self.auth, self._version = http, auth, version
        self.pace = pace or ZohoPace()

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        bulk: bool = False,
    ) -> Response:
        """Read `path`, such as `Contacts`. Raises as `call`."""
        return self.call("GET", path, params=params, headers=headers, bulk=bulk)

    def rows(self, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        """All records of a short list. Raises as `call`."""
        found: list[dict[str, Any]] = []
        asked = {**params, "per_page": str(PAGE)}
        for _ in range(_MOST_PAGES):
            told = parsed(self.get(path, asked))
            found += objects(told.get("data"))
            info = told.get("info")
            token = info.get("next_page_token") if isinstance(info, dict) and info.get("more_records") else None
            if not token:
                break
            asked["page_token"] = str(token)
        return found

    def query(self, select: str, *, bulk: bool = False) -> list[dict[str, Any]]:
        """The records of one query in COQL, at most two hundred. Raises as `call`."""
        return objects(parsed(self.call("POST", "coql", json={"select_query": select}, bulk=bulk)).get("data"))

    def batch(self, method: str, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What became of each record of a write, in their order; that some or all of them were refused is a success
        here. Raises as `call`."""
        response = self._exchange(method, path, json=body)
        told = object_of(response.body)
        if told is not None and isinstance(told.get("data"), list):
            # Whatever else stands there keeps its place: a result belongs to its record by nothing else.
            return [item if isinstance(item, dict) else {} for item in told["data"]]
        if response.status < 300:
            raise errors.VENDOR.not_promised(response.status, response.body)
        raise self._refusal(response)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bulk: bool = False,
    ) -> Response:
        """One exchange that succeeded, in its turn (`bulk`: see `Pace.turn`); the body is empty where there is nothing.
        Raises `TryAgain`, `TryLater`, `FixCredentials`, and `Never` for a request that Zoho will not take."""
        response = self._exchange(method, path, json=json, params=params, headers=headers, bulk=bulk)
        if 200 <= response.status < 300 or response.status in _EMPTY:
            return response
        raise self._refusal(response)

    def _exchange(self, method: str, path: str, **what: Any) -> Response:
        """With the token in force; once more with a new one where that is refused."""
        token = self.auth.token()
        response = self._sent(token, method, path, **what)
        if _is_bad_token(response):
            response = self._sent(self.auth.token(refused=token), method, path, **what)
        self.pace.note(response.headers)
        return response

    def _sent(
        self,
        token: AccessToken,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bulk: bool = False,
    ) -> Response:
        url = f"{token.domain}/crm/{self._version}/{quote(path, safe='/')}"
        head = {"Authorization": f"Zoho-oauthtoken {token.value}", **(headers or {})}
        with self.pace.turn(bulk=bulk):
            return exchange(self._http, method, url, headers=head, json=json, params=params)

    def _refusal(self, response: Response) -> DeliveryError:
        error = errors.from_response(response.status, response.headers, response.body)
        if response.status == 429:
            if self.pace.is_spent:
                error = TryLater("the day's credits are used up", code=error.code, wait_seconds=LOOK_AGAIN)
            self.pace.refused(error)
        if not _is_bad_token(response):
            return error
        # A token that was just given out and is not good belongs to another data centre.
        domain = self.auth.token().domain
        text = f"{error.detail}: a new token is refused too, asked for at {named(self.auth.accounts_url)}"
        hint = "; these are two data centres" if is_another(domain, self.auth.accounts_url) else ""
        return FixCredentials(f"{text} and used at {named(domain)}{hint}", code=error.code)


def _is_bad_token(response: Response) -> bool:
    if response.status != 401:
        return False
    told = object_of(response.body)
    return told is not None and told.get("code") in (errors.BAD_TOKEN, "AUTHENTICATION_FAILURE")


def parsed(response: Response) -> dict[str, Any]:
    """The object of an answer, empty where there is nothing; raises `TryAgain`, `TryLater` or `FixCredentials` for
    anything else."""
    if response.status in _EMPTY:
        return {}
    told = object_of(response.body)
    if told is None:
        raise errors.VENDOR.not_promised(response.status, response.body)
    return told


def is_id(text: str) -> bool:
    """Whether a record could have this id; one text that is none would spoil a whole batch."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID and int(text) > 0
