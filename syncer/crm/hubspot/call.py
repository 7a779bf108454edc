"""One call of HubSpot's API: authorised, under a deadline, its refusal translated and its limits noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from syncer.crm.exchange import exchange
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.pace import ENOUGH, SEARCH, HubSpotPace
from syncer.crm.pace import LONGEST_PAUSE, Pace
from syncer.crm.refusals import object_of
from syncer.domain.errors import OverQuota, TryLater
from syncer.http import HttpClient, Response

#: Seconds from the call to the last byte of the answer. A page of a hundred contacts takes HubSpot up to two.
DEADLINE = 10.0
#: Most inputs of one batch.
BATCH = 100
#: A short listing that goes on for longer is going in circles.
_MOST_PAGES = 50
#: Digits of an id, which is a 64-bit number.
_LONGEST_ID = 18


class Api:
    """The way to one account, shared by all parts of the adapter.

    `access_token` is asked for every request, so a renewed token is used without a restart (R16). Every request of ours
    may be repeated at will - reads, updates by id, and new records under a unique property - so no outcome stays
    unknown: `TryAgain` is raised instead.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        base_url: str,
        version: str,
        access_token: Callable[[], str],
        pace: Pace | None = None,
    ) -> None:
        self._http, self._root, self._version = http, f"{base_url.rstrip('/')}/crm", version
        self._access_token = access_token
        self.pace = pace or HubSpotPace()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, bulk: bool = False) -> Response:
        """Read `path`, such as `objects/contacts`. Raises as `call`."""
        return self.call("GET", path, params=params, bulk=bulk)

    def objects(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """The `results` of a short listing, all pages of it. Raises as `call`."""
        found: list[dict[str, Any]] = []
        asked = dict(params or {})
        for _ in range(_MOST_PAGES):
            told = parsed(self.get(path, asked))
            found += [row for row in told.get("results") or () if isinstance(row, dict)]
            match told.get("paging"):
                case {"next": {"after": str(after)}} if after != asked.get("after"):
                    asked["after"] = after
                case _:
                    break
        return found

    def search(self, kind: str, body: Mapping[str, Any], *, bulk: bool = False) -> Response:
        """One search, once more after a second if the account's five a second are used up by somebody else. Raises as
        `call`."""
        search = partial(self.call, "POST", f"objects/{kind}/search", json=body, room=SEARCH, bulk=bulk)
        try:
            return search()
        except OverQuota:
            raise
        except TryLater as full:
            if full.wait_seconds > LONGEST_PAUSE:
                raise
            self.pace.wait(full.wait_seconds)
        return search()

    def batch(self, kind: str, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One batch; a partial success (207) is a success here. Raises as `call`."""
        return parsed(self.call("POST", f"objects/{kind}/batch/{verb}", json=body))

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        room: str = "",
        bulk: bool = False,
    ) -> Response:
        """One exchange that succeeded, in its turn (`room`, `bulk`: see `Pace.turn`). Raises `TryAgain`, `TryLater`,
        `FixCredentials`, and `Never` for a request that HubSpot will not take."""
        first, slash, rest = path.partition("/")
        url = f"{self._root}/{first}/{self._version}{slash}{quote(rest, safe='/')}"
        with self.pace.turn(room, bulk=bulk):
            head = {"Authorization": f"Bearer {self._access_token()}"}
            response = exchange(self._http, method, url, headers=head, json=json, params=params)
        self.pace.note(response.headers)
        if 200 <= response.status < 300:
            return response
        error = errors.from_response(response.status, response.headers, response.body)
        if response.status in ENOUGH:
            self.pace.refused(error, room)
        raise error


def parsed(response: Response) -> dict[str, Any]:
    """The object of an answer; raises `TryAgain`, `TryLater` or `FixCredentials` for anything else."""
    told = object_of(response.body)
    if told is None:
        raise errors.VENDOR.not_promised(response.status, response.body)
    return told


def is_id(text: str) -> bool:
    """Whether a record could have this id; one text that is none would spoil a whole batch."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID
