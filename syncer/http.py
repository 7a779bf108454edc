"""The one HTTP module: every request to a provider leaves through here, under one honest deadline (R17).

`requests` counts its timeout from one received byte to the next, gives it anew to each address of a name, and lets a
name lookup hang. Here one deadline covers lookup, connect, TLS, sending, head and body together.

**What a fault means** (law 6) is decided by evidence, not by the name of an exception: the connection notes when the
head of the request has been handed to the operating system whole.

- Before that moment nothing can have happened on the other side: `TryAgain`.
- After it, for a request that may be repeated at will (GET, or `repeatable=True`): `TryAgain`.
- After it, for any other request: `OutcomeUnknown`.

A kept-alive connection that the server closed while it was idle is one whose close has already arrived (it is then
replaced before use), or one that has idled for longer than `IDLE_SECONDS` (replaced too), or one whose close crosses
our request on the wire. The last looks exactly like a server that died after doing the work, so it stays
`OutcomeUnknown`: asking for evidence costs seconds, sending twice costs a customer.

Files travel in pieces and never stand in memory whole; they have minutes, if only something moves all the time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import dumps, loads
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from syncer.connections import trace
from syncer.connections.form import FilePart, Form
from syncer.connections.sockets import NotAdmitted, PlainPool, TlsPool, call
from syncer.connections.trace import Exchange, Witness
from syncer.domain.errors import AskPerson, DeliveryError, OutcomeUnknown, Refused, TryAgain
from syncer.domain.text import shorten

#: Seconds from the call to the last byte of the answer (R17).
DEADLINE = 3.5
#: Seconds for lookup and TCP over all addresses together, and again for TLS.
CONNECT_SECONDS = 1.0
#: Bytes of an answer after decompression; the largest page of any provider we speak to stays far below.
LARGEST_BODY = 16 * 1024 * 1024
#: Seconds that a file may take on its way, and that it may stand still: 100 MB at 7 Mbit/s.
TRANSFER_SECONDS = 120.0
STALL_SECONDS = 10.0
_PIECE = 64 * 1024

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_RETRY = Retry(total=0, connect=0, read=False, redirect=0, status=0, other=0)
_DEFAULT_HEADERS = {"User-Agent": "syncer", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. `headers` are looked up in any case; `body` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` when it is not (nesting beyond what can be read included)."""
        try:
            return loads(self.body)
        except RecursionError:
            raise ValueError("JSON nested too deeply") from None


class _TooLarge(Exception):
    """An answer of more bytes than were asked for."""


#: Reads the body of an answer; returns what is to be kept of it in memory.
Take = Callable[[requests.Response], bytes]


class HttpClient:
    """A pool of kept-alive connections, shared by all threads of a process and rebuilt after a fork.

    No proxies, cookies or credentials are taken from the environment (that look-up costs 40 % of a call) and no
    redirect is followed. `deadline` and `connect` are seconds, `largest_body` bytes, `connections` the most that are
    kept per host; more threads than that still work, on connections of their own. `witness` hears of every exchange.
    """

    def __init__(
        self,
        *,
        deadline: float = DEADLINE,
        connect: float = CONNECT_SECONDS,
        largest_body: int = LARGEST_BODY,
        connections: int = 64,
        ca_bundle: str | None = None,
        witness: Witness = trace.write,
    ) -> None:
        self._deadline = deadline
        self._connect = min(connect, deadline)
        self._largest_body = largest_body
        self._connections = connections
        self._verify: bool | str = ca_bundle or True
        self._witness = witness
        self._adapter = _Adapter(connections)
        self._process = os.getpid()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        deadline: float | None = None,
        repeatable: bool | None = None,
    ) -> Response:
        """One exchange; any status is an answer, never an error.

        `deadline` replaces the client's (seconds). `repeatable` says that doing it twice equals doing it once; by
        default that is so for GET, HEAD and OPTIONS. Raises `TryAgain`, `OutcomeUnknown` (see the module), and
        `AskPerson` when no request could be made of address and headers at all.
        """
        prepared = _prepare(method, url, headers, json, params, data)
        safe = method.upper() in _SAFE_METHODS if repeatable is None else repeatable
        return self._run(prepared, self._deadline if deadline is None else deadline, safe=safe)

    def post_to_stranger(
        self, url: str, body: bytes, *, headers: Mapping[str, str], admits: Callable[[str], bool], keep: int
    ) -> Response:
        """POST, repeatable, to a place that somebody outside has chosen: only if `admits` says yes to all addresses of
        its name. Reads `keep` bytes of the answer, leaves no trace. Raises as `request`, and `Refused`."""
        prepared = _prepare("POST", url, {**headers, "Accept-Encoding": "identity"}, data=body)
        return self._run(prepared, self._deadline, safe=True, take=lambda answer: _first(answer, keep), admits=admits)

    def upload(
        self,
        url: str,
        file: FilePart,
        *,
        fields: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        deadline: float = TRANSFER_SECONDS,
        stall: float = STALL_SECONDS,
        repeatable: bool = False,
    ) -> Response:
        """POST a multipart form with one file, read piece by piece as it leaves. Raises as `request`, and `OSError`
        when the file cannot be opened."""
        with file.path.open("rb") as source:
            form = Form(fields, file, source)
            merged = {**(headers or {}), "Content-Type": f"multipart/form-data; boundary={form.boundary}"}
            prepared = _prepare("POST", url, merged, None, None, form)
            return self._run(prepared, deadline, stall=stall, safe=repeatable)

    def download(
        self,
        url: str,
        into: BinaryIO,
        *,
        largest: int,
        headers: Mapping[str, str] | None = None,
        deadline: float = TRANSFER_SECONDS,
        stall: float = STALL_SECONDS,
    ) -> Response:
        """GET a file of at most `largest` bytes into `into`. An answer other than 200 is kept in memory, and `into` is
        left alone. Raises as `request`."""
        prepared = _prepare("GET", url, {**(headers or {}), "Accept": "*/*", "Accept-Encoding": "identity"})
        return self._run(
            prepared, deadline, stall=stall, safe=True, take=lambda answer: self._into(answer, into, largest)
        )

    def close(self) -> None:
        """Close the idle connections; the client stays usable."""
        self._adapter.close()

    def _run(
        self,
        prepared: requests.PreparedRequest,
        deadline: float,
        *,
        safe: bool,
        stall: float = float("inf"),
        take: Take | None = None,
        admits: Callable[[str], bool] | None = None,
    ) -> Response:
        where = f"{prepared.method} {urlsplit(prepared.url or '').netloc}"
        started = time.monotonic()
        call.begin(started + deadline, stall, admits)
        try:
            response = self._exchange(prepared, take or self._whole)
        except _TooLarge as fault:
            raise _judged(f"{where}: {fault}", "too_large", unsent=False, safe=safe) from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as fault:
            if isinstance(_root(fault), NotAdmitted):
                raise Refused(f"{where}: {_root(fault)}") from None
            if isinstance(fault, ValueError) and not call.written:
                raise _no_request(fault) from None
            self._witness(Exchange.of(prepared, time.monotonic() - started, failure=_why(fault)))
            raise _meaning(fault, where, safe=safe) from fault
        if admits is None:
            self._witness(Exchange.of(prepared, time.monotonic() - started, response.status, response.body))
        return response

    def _exchange(self, prepared: requests.PreparedRequest, take: Take) -> Response:
        if self._process != os.getpid():  # sharing a parent's sockets would mix up two processes' answers
            self._adapter, self._process = _Adapter(self._connections), os.getpid()
        answer = self._adapter.send(
            prepared, stream=True, timeout=(self._connect, self._deadline), verify=self._verify, proxies={}
        )
        try:
            return Response(answer.status_code, answer.headers, take(answer))
        except BaseException:
            answer.close()  # what is left of it must not be taken for the next answer
            raise

    def _whole(self, answer: requests.Response) -> bytes:
        body: bytes = answer.raw.read(self._largest_body + 1, decode_content=True)
        if len(body) > self._largest_body:
            raise _TooLarge(f"answer over {self._largest_body} bytes")
        return body

    def _into(self, answer: requests.Response, into: BinaryIO, largest: int) -> bytes:
        if answer.status_code != 200:
            return self._whole(answer)
        left = largest
        while piece := answer.raw.read(min(_PIECE, left + 1), decode_content=True):
            left -= len(piece)
            if left < 0:
                raise _TooLarge(f"file over {largest} bytes")
            into.write(piece)
        return b""


def _first(answer: requests.Response, keep: int) -> bytes:
    found: bytes = answer.raw.read(keep)
    answer.close()  # the connection too, if more would follow
    return found


def _prepare(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    json: Any = None,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | bytes | Form | None = None,
) -> requests.PreparedRequest:
    merged = {**_DEFAULT_HEADERS, **(headers or {})}
    try:
        if json is not None:
            data = dumps(json, separators=(",", ":"), allow_nan=False).encode()
            merged.setdefault("Content-Type", "application/json")
        return requests.Request(method, url, headers=merged, params=params, data=data).prepare()
    except (requests.RequestException, ValueError) as fault:
        raise _no_request(fault) from None


def _no_request(fault: Exception) -> AskPerson:
    """The texts of these faults quote the header, which may be the token: only their kind is told."""
    return AskPerson(f"no request can be made of this: {type(fault).__name__}", code="request")


def _meaning(fault: Exception, where: str, *, safe: bool) -> DeliveryError:
    timed_out = isinstance(fault, requests.ReadTimeout)
    unsent = not call.written and not timed_out
    code = "timeout" if isinstance(_root(fault), TimeoutError) or timed_out else "unreachable" if unsent else "cut"
    return _judged(f"{where}: {_why(fault)}", code, unsent=unsent, safe=safe)


def _judged(detail: str, code: str, *, unsent: bool, safe: bool) -> DeliveryError:
    return TryAgain(detail, code=code) if unsent or safe else OutcomeUnknown(detail, code=code)


def _root(fault: BaseException) -> BaseException:
    """What the system or the standard library said: the wrappers' texts quote the address with its secrets."""
    while _wraps(fault) and (cause := fault.__cause__ or fault.__context__) is not None:
        fault = cause
    return fault


def _wraps(fault: BaseException) -> bool:
    return isinstance(fault, requests.RequestException | HTTPError)


def _why(fault: Exception) -> str:
    root = _root(fault)
    return type(root).__name__ if _wraps(root) else shorten(f"{type(root).__name__} {root}".strip(), 200)


class _Adapter(HTTPAdapter):
    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=16, pool_maxsize=connections, max_retries=_NO_RETRY)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
