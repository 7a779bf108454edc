"""A running WhatsApp simulator with a webhook beside it, and short ways to talk to both.

A conftest makes fixtures of it, as `tests/integration/whatsapp_simulator/conftest.py` does.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.config import Behaviour, CallbackRules, Limits, SimulatorConfig, StatusPace

SAMPLES = Path(__file__).parents[1] / "data" / "whatsapp"
CUSTOMER = "886912345678"
AT_ONCE = Behaviour(
    statuses=StatusPace(sent=(0, 0), delivered=(0, 0), read=(0, 0), read_share=1.0, skip_delivered_share=0.0),
    limits=Limits(throughput=0, pair_interval=0),
    callbacks=CallbackRules(window=0.005, retry_gaps=(0.0, 0.02, 0.04)),
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def shape(value: Any) -> Any:
    """The keys and types of a JSON value, without its contents."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


class _WebServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A simulator that stops breaks its connections; that is no error of the webhook."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """A business's webhook: keeps every body, answers 200 unless told otherwise, checks the verify token."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.answers: list[int] = []
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                right = query["hub.mode"] == "subscribe" and query["hub.verify_token"] == "verify-me"
                self._answer(200 if right else 403, query["hub.challenge"].encode() if right else b"no")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(receiver.take(body, self.headers["X-Hub-Signature-256"]), b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        self._server = _WebServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/whatsapp"

    def take(self, body: bytes, signature: str) -> int:
        with self._news:
            self.bodies.append(body)
            self.signatures.append(signature)
            status = self.answers.pop(0) if self.answers else 200
            self._news.notify_all()
            return status

    def changes(self) -> list[dict[str, Any]]:
        """Every change told so far, in the order of arrival."""
        payloads = [json.loads(body) for body in list(self.bodies)]
        return [change for payload in payloads for entry in payload["entry"] for change in entry["changes"]]

    def told(self, part: str) -> list[dict[str, Any]]:
        """Every `messages[]` or `statuses[]` element so far, in the order of arrival."""
        return [item for change in self.changes() for item in change["value"].get(part, [])]

    def wait(self, enough: Callable[[], Any], seconds: float = 5.0) -> None:
        """Return as soon as `enough()` holds; fail after `seconds`."""
        with self._news:
            assert self._news.wait_for(enough, seconds), f"not told in time: {self.changes()}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Bench:
    """A running simulator with a webhook, and short ways to talk to both."""

    def __init__(self, receiver: Receiver, simulator: RunningServer, config: SimulatorConfig) -> None:
        self.webhook, self.url, self.config = receiver, simulator.url, config
        self.number = config.phone_number_ids[0]
        self._http = requests.Session()

    def graph(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("headers", {"Authorization": f"Bearer {self.config.access_token}"})
        return self._http.request(method, f"{self.url}/v25.0/{path}", json=body, timeout=more.pop("timeout", 5), **more)

    def send(self, request: Any, **more: Any) -> requests.Response:
        return self.graph("POST", f"{self.number}/messages", request, **more)

    def text(self, to: str = CUSTOMER, **fields: Any) -> requests.Response:
        return self.send({**sample("send_text.request"), "to": f"+{to}", **fields})

    def template(self, to: str = CUSTOMER, **fields: Any) -> requests.Response:
        request = sample("send_template.request")
        request["template"] |= fields.pop("template", {})
        return self.send({**request, "to": f"+{to}", **fields})

    def control(self, method: str, command: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.url}/_sim/{command}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def says(self, *texts: str, **order: Any) -> list[str]:
        """The customer writes; returns once the webhook was told."""
        before = len(self.webhook.told("messages"))
        order = {"messages": [{"from": CUSTOMER, "name": "王小明", "text": text} for text in texts], **order}
        ids = self.control("POST", "inbound", order)["ids"]
        self.webhook.wait(lambda: len(self.webhook.told("messages")) >= before + len(ids))
        return ids

    def statuses(self, response: requests.Response, *wanted: str) -> list[dict[str, Any]]:
        """The statuses of a sent message, in the order of arrival, once all the `wanted` ones were among them."""
        wamid = response.json()["messages"][0]["id"]

        def so_far() -> list[dict[str, Any]]:
            return [status for status in self.webhook.told("statuses") if status["id"] == wamid]

        self.webhook.wait(lambda: {status["status"] for status in so_far()} >= set(wanted))
        return so_far()

    def filled(self, change: dict[str, Any], parameters: list[Any]) -> requests.Response:
        """Send a template with these body parameters."""
        return self.template(template={**change, "components": [{"type": "body", "parameters": parameters}]})

    def accepted(self) -> list[dict[str, Any]]:
        return self.control("GET", "log/sends")["accepted"]

    def close(self) -> None:
        self._http.close()


def code_of(response: requests.Response) -> tuple[int, int]:
    """HTTP status and the platform's own code of a refusal."""
    return response.status_code, response.json()["error"]["code"]


def until(enough: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return as soon as `enough()` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not enough():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
