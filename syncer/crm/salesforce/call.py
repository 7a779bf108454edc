"""One call of Salesforce's API: authorised, under a deadline, its refusal translated and its limits noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from syncer.crm.exchange import exchange, objects, reading
from syncer.crm.pace import Pace
from syncer.crm.refusals import json_of
from syncer.crm.salesforce import errors
from syncer.crm.salesforce.pace import ENOUGH, SalesforcePace
from syncer.crm.salesforce.tokens import Tokens
from syncer.domain.errors import Never
from syncer.http import HttpClient, Response

#: Seconds from the call to the last byte of the answer. A page of 2,000 contacts takes Salesforce up to three.
DEADLINE = 15.0
#: Most records of one collection.
BATCH = 200
#: A listing that goes on for longer is going in circles.
_MOST_PAGES = 50


class Api:
    """The way to one org, shared by all parts of the adapter.

    Every request of ours may be repeated at will - reads, updates by id, and new records under an external id - so no
    outcome stays unknown: `TryAgain` is raised instead. A token that has ended is renewed once.
    """

    def __init__(self, http: HttpClient, tokens: Tokens, *, version: str, pace: Pace | None = None) -> None:
        self._http, self.tokens = http, tokens
        self._root = f"/services/data/{version}"
        self.pace = pace or SalesforcePace()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Response:
        """Read `path`, such as `sobjects/Contact/describe`. Raises as `call`."""
        return self.call("GET", path, params=params)

    def query(self, soql: str, *, deleted: bool = False, bulk: bool = False) -> Response:
        """The first answer to a query; `deleted` looks into the recycle bin too. Raises as `pages`."""
        try:
            return self.call("GET", "queryAll" if deleted else "query", params={"q": soql}, bulk=bulk)
        except Never as error:
            raise reading(error) from error

    def answers(self, soql: str, *, deleted: bool = False) -> Iterator[Response]:
        """All answers to a query: Salesforce cuts one short where its records are large. Raises `TryAgain`, `TryLater`,
        `FixCredentials`."""
        response = self.query(soql, deleted=deleted)
        for _ in range(_MOST_PAGES):
            yield response
            following = parsed(response).get("nextRecordsUrl")
            if not isinstance(following, str) or not following:
                return
            response = self.get(following.removeprefix(self._root).strip("/"))

    def rows(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """The records of a query, decoded. Raises as `answers`."""
        return [row for response in self.answers(soql, deleted=deleted) for row in records(response)]

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        bulk: bool = False,
    ) -> Response:
        """One exchange that succeeded, in its turn (`bulk`: see `Pace.turn`). Raises `TryAgain`, `TryLater`,
        `FixCredentials`, and `Never` for a request that Salesforce will not take."""
        token = self.tokens.current()
        for renewed in (False, True):
            url = f"{token.instance_url}{self._root}/{quote(path, safe='/')}"
            head = {"Authorization": f"Bearer {token.access}", **(headers or {})}
            with self.pace.turn(bulk=bulk):
                response = exchange(self._http, method, url, headers=head, json=json, params=params, data=data)
            self.pace.note(response.headers)
            if 200 <= response.status < 300:
                return response
            error = errors.from_response(response.status, response.headers, response.body)
            if renewed or response.status != 401:
                break
            token = self.tokens.after(token)
        if error.code == ENOUGH or response.status == 429:
            self.pace.refused(error)
        raise error


def parsed(response: Response) -> dict[str, Any]:
    """The object of an answer; raises `TryAgain`, `TryLater` or `FixCredentials` for anything else."""
    told = json_of(response.body)
    if not isinstance(told, dict):
        raise errors.VENDOR.not_promised(response.status, response.body)
    return told


def listed(response: Response) -> list[dict[str, Any]]:
    """The list of an answer; raises as `parsed`."""
    told = json_of(response.body)
    if not isinstance(told, list) or not all(isinstance(item, dict) for item in told):
        raise errors.VENDOR.not_promised(response.status, response.body)
    return told


def records(response: Response) -> list[dict[str, Any]]:
    """The records of an answer to a query; raises as `parsed`."""
    told = parsed(response).get("records")
    if not isinstance(told, list):
        raise errors.VENDOR.not_promised(response.status, response.body)
    return objects(told)
