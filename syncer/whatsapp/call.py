"""One call of the Graph API: authorised, under the deadline, its refusal translated and its usage noted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from syncer.domain.errors import OutcomeUnknown, TryAgain
from syncer.http import HttpClient, Response
from syncer.whatsapp import errors
from syncer.whatsapp.shapes import text
from syncer.whatsapp.usage import UsageMeter

#: Rows per page asked of a listing.
PAGE_SIZE = 100
#: A listing that goes on for longer is going in circles: 6,000 templates are the most an account may have.
MOST_PAGES = 200
#: The code of an answer that is a success and yet not what was promised.
NOT_THE_PROMISE = "not_the_promise"

logger = logging.getLogger(__name__)


class Graph:
    """The way to the platform, shared by all parts of the client.

    `access_token` is asked for every request, so a renewed token is used without a restart, and after a refusal (190)
    the next call asks again (R16). What the platform says of our usage is kept in `usage`.
    """

    def __init__(
        self, http: HttpClient, *, base_url: str, version: str, access_token: Callable[[], str], account: str = ""
    ) -> None:
        self.http = http
        self.base_url = base_url.rstrip("/")
        self.root = f"{self.base_url}/{version}"
        self.account = node(account)
        self.usage = UsageMeter()
        self._access_token = access_token

    def authorisation(self) -> dict[str, str]:
        """The header that carries the current token; for the platform's own addresses only."""
        return {"Authorization": f"Bearer {self._access_token()}"}

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """One exchange that succeeded. `repeatable`: doing it twice equals doing it once, as for every GET; then no
        doubt remains and `OutcomeUnknown` is not raised. Raises the errors of `ports.Messenger.send`."""
        safe = method == "GET" if repeatable is None else repeatable
        response = self.http.request(
            method, f"{self.root}/{path}", headers=self.authorisation(), json=json, params=params, repeatable=safe
        )
        return self.checked(response, safe=safe)

    def checked(self, response: Response, *, safe: bool) -> Response:
        """The response, if it is a success; raises what it means otherwise."""
        self.usage.note(response.headers)
        if 200 <= response.status < 300:
            return response
        raise errors.from_response(response.status, response.headers, response.body, safe=safe)

    def read(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object at a path. Raises as `call`, never `OutcomeUnknown`."""
        answer = _object(self.call("GET", path, params=params))
        if answer is None:
            raise TryAgain("a success, but not the object that was asked for", code=NOT_THE_PROMISE)
        return answer

    def change(
        self, method: str, path: str, *, json: Any = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a change. Raises as `call`; `OutcomeUnknown` also for a success that says nothing."""
        answer = _object(self.call(method, path, json=json, params=params))
        if answer is None or answer.get("success") is False:
            raise OutcomeUnknown("a success, but not the answer that was promised", code=NOT_THE_PROMISE)
        return answer

    def rows(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Mapping[str, Any]]:
        """Every row of a listing, page by page. Raises as `read`: half a listing is none."""
        asked = {**(params or {}), "limit": str(PAGE_SIZE)}
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            page = self.read(path, asked)
            rows = page.get("data")
            if not isinstance(rows, list):
                raise TryAgain("a success, but not the list that was asked for", code=NOT_THE_PROMISE)
            yield from (row for row in rows if isinstance(row, dict))
            after = _next_cursor(page)
            if after is None:
                return
            if after in seen:
                break
            seen.add(after)
            asked["after"] = after
        raise TryAgain(f"{path}: the listing goes in circles", code=NOT_THE_PROMISE)


class Part:
    """A part of the client: its methods speak over one shared `Graph`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph


def node(object_id: str) -> str:
    """An object's id as a piece of an address, so that no id can lead elsewhere."""
    return quote(object_id, safe="")


def word(item: Mapping[str, Any], name: str, default: str = "") -> str:
    """A field as text; `default` when it is missing, empty or something else than one value."""
    return text(item.get(name)) or default


def _object(response: Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _next_cursor(page: Mapping[str, Any]) -> str | None:
    """Where the next page starts. Only `paging.next` says that there is one; the cursor alone is always given."""
    match page.get("paging"):
        case {"next": str(), "cursors": {"after": str(after)}}:
            return after
        case {"next": str(address)}:
            return next(iter(parse_qs(urlsplit(address).query).get("after", ())), None)
        case _:
            return None
