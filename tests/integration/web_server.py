"""A web application of ours on a real socket, served as in production but by a thread of the test."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from sqlalchemy import text
from starlette.types import ASGIApp

from config.settings import Settings, load
from syncer.bootstrap import Runtime
from syncer.ports import Clock, Jobs
from syncer.services import Services
from syncer.store.session import Store
from syncer.web.server import configured, listen
from tests.fakes.jobs import RecordingJobs

SECRET = "app-secret-of-the-tests"
VERIFY_TOKEN = "a-word"
NUMBER = "106540352242922"
#: The smallest environment with which a web process starts.
ENVIRONMENT = {
    "WHATSAPP_APP_SECRET": SECRET,
    "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
    "WHATSAPP_ACCESS_TOKEN": "EAAtests",
    "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
    "COMPANY_NAME": "Formosa Tea Co.",
    "CRM": "sql",
}


def settings(**more: str) -> Settings:
    """The environment above, and what a test adds to it."""
    return load({**ENVIRONMENT, **more})


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header that proves a delivery to be the platform's."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@contextmanager
def serving(
    build: Callable[[Runtime], ASGIApp],
    database_url: str,
    redis_url: str,
    jobs: Jobs | None = None,
    clock: Clock | None = None,
    **environment: str,
) -> Iterator[httpx.Client]:
    """A client of the application, made on these servers."""
    runtime = Runtime(settings(**environment), Services(database_url, redis_url), jobs or RecordingJobs(), clock)
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configured(build(runtime)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False) as client:
        yield client
    server.should_exit = True
    thread.join(10)
    runtime.close()
    assert not thread.is_alive(), "the server does not end"


def deliver(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    """One signed delivery."""
    return client.post("/webhooks/whatsapp", content=body, headers={**sign(body), **headers})


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that an error must be (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["title"]
    return told


@contextmanager
def altered(store: Store, change: str, back: str) -> Iterator[None]:
    """The schema as it must never be, for as long as a test needs it: the database serves other tests afterwards."""
    with store.begin() as tx:
        tx.execute(text(change))
    try:
        yield
    finally:
        with store.begin() as tx:
            tx.execute(text(back))
