"""Exchanges with the platform, written down and played back.

A file holds the steps of one exchange in their order: what was set up (`control`), and each request with its answer. A
request's body must be the same to the letter when the exchange is played back. An answer is `json`, `text` or `base64`
with a status, or a `fault`: `silence` (no answer came in time) or `cut` (the connection ended).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

import requests
import responses

from syncer.connections.form import FilePart
from syncer.connections.sockets import call
from syncer.domain.errors import DeliveryError
from syncer.http import HttpClient, Response
from syncer.whatsapp.client import WhatsAppMessenger

BASE = "https://graph.test"
FILES = Path(__file__).parents[1] / "data" / "whatsapp" / "exchanges"
#: Headers of an answer that the client reads.
_HEADERS = ("Retry-After", "X-App-Usage", "X-Business-Use-Case-Usage")
Step = dict[str, Any]


def file_of(test: str) -> Path:
    """Where a test's exchange is kept."""
    return FILES / (re.sub(r"[\[\]]+", ".", test.removeprefix("test_")).strip(".") + ".json")


class Playback:
    """The platform as it was recorded. Implements `messenger_suite.Place`."""

    def __init__(self, steps: list[Step], number: str, account: str, folder: Path) -> None:
        self._steps = iter(steps)
        self.number, self.folder, self.token = number, folder, "simulator-access-token"
        self.messenger = WhatsAppMessenger(
            HttpClient(),
            base_url=BASE,
            version="v25.0",
            access_token=lambda: self.token,
            business_account_id=account,
        )

    def control(self, method: str, command: str, body: Any = None) -> Any:
        """What the simulator answered when the scene was set."""
        step = self._next()
        assert step.get("control") == f"{method} {command}"
        assert step["body"] == body
        return step["answer"]

    def assert_over(self) -> None:
        """Everything that was recorded has been asked."""
        assert list(self._steps) == []

    @contextmanager
    def playing(self) -> Iterator[Playback]:
        """Answer every request with the next step."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            for method in ("GET", "POST", "DELETE"):
                mock.add_callback(method, re.compile(r".*"), self._answer)
            yield self

    def _next(self) -> Step:
        step = next(self._steps, None)
        assert step is not None, "more was asked than was recorded"
        return step

    def _answer(self, prepared: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        step = self._next()
        assert written(prepared) == step.get("request")
        assert prepared.headers["Authorization"] == f"Bearer {self.token}"
        answer = step["answer"]
        if fault := answer.get("fault"):
            call.written = True  # the socket's part: the request has left
            raise requests.ReadTimeout("read timed out") if fault == "silence" else requests.ConnectionError("cut")
        return answer["status"], answer.get("headers", {}), _bytes(answer)


class Recorder(HttpClient):
    """An HTTP client that writes down what it said and heard."""

    def __init__(self, base_url: str, **options: Any) -> None:
        super().__init__(**options)
        self._base_url = base_url
        self.steps: list[Step] = []

    def download(self, url: str, into: BinaryIO, **options: Any) -> Response:
        """Also keeps the file."""
        response = super().download(url, into, **options)
        if response.status == 200:
            into.seek(0)
            self.steps[-1]["answer"] = {"status": 200, "base64": base64.b64encode(into.read()).decode()}
        return response

    def upload(self, url: str, file: FilePart, **options: Any) -> Response:
        """As it is."""
        return super().upload(url, file, **options)

    def _run(self, prepared: requests.PreparedRequest, *args: Any, **options: Any) -> Response:
        if prepared.body is not None and not isinstance(prepared.body, bytes | str):
            prepared.body = prepared.body.read()
        asked = self._elsewhere(written(prepared))
        try:
            response = super()._run(prepared, *args, **options)
        except DeliveryError as error:
            self.steps.append({"request": asked, "answer": {"fault": "silence" if error.code == "timeout" else "cut"}})
            raise
        told = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        answer = {"status": response.status, **({"headers": told} if told else {}), **_said(response.body)}
        self.steps.append({"request": asked, "answer": self._elsewhere(answer)})
        return response

    def _elsewhere(self, value: Any) -> Any:
        return json.loads(json.dumps(value).replace(self._base_url, BASE))


def written(prepared: requests.PreparedRequest) -> Step:
    """A request as it is written down: without what differs each time."""
    parts = urlsplit(str(prepared.url))
    asked: Step = {"method": prepared.method, "address": f"{parts.scheme}://{parts.netloc}{parts.path}"}
    if parts.query:
        asked["query"] = dict(parse_qsl(parts.query))
    kind = str(prepared.headers.get("Content-Type", ""))
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    if isinstance(body, bytes) and kind.startswith("multipart/"):
        asked["form"] = _form(kind, body)
    elif isinstance(body, bytes) and body:
        asked["json"] = json.loads(body)
    return asked


def _form(kind: str, body: bytes) -> list[Step]:
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parts: Any = message.get_payload()
    return [
        {
            "head": [f"{name}: {value}" for name, value in part.items()],
            "base64": base64.b64encode(part.get_payload(decode=True)).decode(),
        }
        for part in parts
    ]


def _said(body: bytes) -> Step:
    try:
        return {"json": json.loads(body)}
    except ValueError:
        return {"text": body.decode("utf-8", "replace")}


def _bytes(answer: Step) -> bytes:
    if "base64" in answer:
        return base64.b64decode(answer["base64"])
    return json.dumps(answer["json"]).encode() if "json" in answer else str(answer["text"]).encode()
