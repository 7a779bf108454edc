"""The webhook door: what is answered 200 is on disk, and nothing else is answered 200."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from syncer.store.session import Store
from syncer.web import app
from syncer.web.webhooks import LARGEST_BODY
from tests.fakes.jobs import RecordingJobs
from tests.integration.web_server import ENVIRONMENT, VERIFY_TOKEN, altered, deliver, serving, sign
from tests.integration.webhook_deliveries import message, stored

PATH = "/webhooks/whatsapp"


@pytest.fixture
def web(database_url: str, redis_url: str, jobs: RecordingJobs) -> Iterator[httpx.Client]:
    with serving(app.build, database_url, redis_url, jobs) as client:
        yield client


def test_a_signed_delivery_is_stored_and_rings_the_bell(web: httpx.Client, store: Store, jobs: RecordingJobs) -> None:
    assert deliver(web, message("wamid.1")).status_code == 200
    row = stored(store)[0]
    assert (row.item_id, row.kind, row.order_key, row.state) == ("wamid.1", "message", "+886912345678", "pending")
    assert jobs.rung == [("realtime", None)]


@pytest.mark.parametrize("headers", [{}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Hub-Signature-256": ""}])
def test_a_missing_or_wrong_signature_is_401(web: httpx.Client, store: Store, headers: dict[str, str]) -> None:
    assert web.post(PATH, content=message("wamid.1"), headers=headers).status_code == 401
    assert stored(store) == []


def test_a_signature_of_other_bytes_is_401(web: httpx.Client, store: Store) -> None:
    assert web.post(PATH, content=message("wamid.1"), headers=sign(message("wamid.2"))).status_code == 401
    assert stored(store) == []


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b'{"entry": 3}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_the_platforms_json_is_400(web: httpx.Client, store: Store, body: bytes) -> None:
    assert deliver(web, body).status_code == 400
    assert stored(store) == []


def test_four_mebibytes_are_413(web: httpx.Client, store: Store) -> None:
    assert deliver(web, message("wamid.1", "x" * 4 * 1024 * 1024)).status_code == 413
    assert stored(store) == []
    assert deliver(web, message("wamid.2")).status_code == 200


def test_four_mebibytes_of_unknown_length_are_413(web: httpx.Client, store: Store) -> None:
    body = message("wamid.1", "x" * 4 * 1024 * 1024)
    parts = (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert web.post(PATH, content=parts, headers=sign(body)).status_code == 413
    assert stored(store) == []


def test_a_delivery_of_nearly_three_mebibytes_is_stored(web: httpx.Client, store: Store) -> None:
    body = message("wamid.1", "x" * (LARGEST_BODY - 1000))
    parts = (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert web.post(PATH, content=parts, headers=sign(body)).status_code == 200
    assert len(stored(store)[0].payload) > LARGEST_BODY - 1000


@pytest.mark.parametrize(
    "name", ["an_unknown_field", "message_of_an_unknown_type", "message_without_sender", "message_without_id"]
)
def test_what_we_do_not_understand_is_stored_raw(web: httpx.Client, store: Store, data: Path, name: str) -> None:
    body = (data / "whatsapp" / "webhooks" / f"{name}.json").read_bytes()
    assert deliver(web, body).status_code == 200
    told = json.loads(body)["entry"][0]["changes"][0]["value"]
    inner = told["messages"][0] if "messages" in told else told
    assert json.loads(stored(store)[0].payload)["item"] == inner


def test_a_nul_and_a_lone_surrogate_cost_nothing(web: httpx.Client, store: Store, data: Path) -> None:
    body = (data / "whatsapp" / "webhooks" / "message_with_nul_and_lone_surrogate.json").read_bytes()
    assert deliver(web, body).status_code == 200
    assert len(stored(store)) == 1


def test_a_repeated_delivery_is_one_row(web: httpx.Client, store: Store) -> None:
    assert [deliver(web, message("wamid.1")).status_code for _ in range(3)] == [200, 200, 200]
    assert len(stored(store)) == 1


def test_hundreds_of_deliveries_at_once_are_stored_once_each(web: httpx.Client, store: Store) -> None:
    bodies = [message(f"wamid.{number}") for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: deliver(web, body).status_code, bodies + bodies[:100]))
    assert set(answers) == {200}
    assert sorted(row.item_id for row in stored(store)) == sorted(f"wamid.{number}" for number in range(200))
    figures = web.get("/metrics").text
    assert 'syncer_webhook_deliveries_total{answer="200",source="whatsapp"}' in figures


def test_an_item_that_cannot_be_stored_costs_the_others_nothing(web: httpx.Client, store: Store) -> None:
    """A check on the table stands in for whatever PostgreSQL might refuse one day."""
    bodies = [message(f"wamid.{number}") for number in range(40)]
    bodies.insert(20, message("wamid.odd"))
    check = "alter table inbox add constraint odd check (item_id <> 'wamid.odd')"
    with altered(store, check, "alter table inbox drop constraint odd"), ThreadPoolExecutor(41) as pool:
        answers = list(pool.map(lambda body: deliver(web, body).status_code, bodies))
    assert answers == [200] * 20 + [500] + [200] * 20
    assert len(stored(store)) == 40


def test_the_handshake_returns_the_challenge_only_for_the_right_word(web: httpx.Client) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    answer = web.get(PATH, params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert web.get(PATH, params=asked | {"hub.verify_token": "guess"}).status_code == 403
    assert web.get(PATH, params=asked | {"hub.mode": "unsubscribe"}).status_code == 403
    assert web.get(PATH).status_code == 403


def test_another_method_is_405(web: httpx.Client) -> None:
    assert web.put(PATH, content=b"{}").status_code == 405


def test_the_process_starts_answers_and_leaves_in_order(database_url: str, redis_url: str, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port)}
    environment = {"PATH": os.environ.get("PATH", ""), **ENVIRONMENT, **servers}
    process = subprocess.Popen([sys.executable, "-m", "syncer.web"], env=environment, stderr=subprocess.DEVNULL)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=8)) as web:
        assert web.get("/readyz", timeout=30).json() == {"ready": True, "database": "ok", "broker": "ok"}
        assert deliver(web, message("wamid.1")).status_code == 200
    process.terminate()
    assert process.wait(15) == 0
    assert len(stored(store)) == 1


def test_without_its_secrets_the_process_says_which_and_does_not_start(database_url: str, redis_url: str) -> None:
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    environment = {"PATH": os.environ.get("PATH", ""), **ENVIRONMENT, **servers}
    del environment["WHATSAPP_APP_SECRET"]
    command = [sys.executable, "-m", "syncer.web"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[-1].split(":")[0]) == (2, "WHATSAPP_APP_SECRET")
