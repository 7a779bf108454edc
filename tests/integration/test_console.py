"""The console: open to this machine only or behind its password, and safe to look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from syncer.domain.work import Subject
from syncer.store.dead_letters import Burial, bury
from syncer.web.console import app
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.web_server import ENVIRONMENT, serving

HOSTILE = "<script>alert('王')</script>\"'&"


@pytest.fixture
def console(database_url: str, redis_url: str) -> Iterator[httpx.Client]:
    with serving(app.build, database_url, redis_url) as client:
        yield client


def test_the_page_and_its_figures_are_served(console: httpx.Client) -> None:
    page = console.get("/")
    assert page.status_code == 200
    live = console.get("/live.json").json()
    assert set(live) == {"at", "sections", "figures"}
    assert all(f'id="{name}"' in page.text for name in live["sections"])


def test_the_page_names_no_other_host_and_lets_the_browser_load_none(console: httpx.Client) -> None:
    page = console.get("/")
    assert "http" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    for name in ("page.css", "console.js"):
        assert "http" not in console.get(f"/assets/{name}").text
    assert console.get("/assets/..%2fauth.py").status_code == 404


def test_what_strangers_wrote_is_shown_as_text(console: httpx.Client, house: House) -> None:
    house.receive(said("w1", "客訴 complaint", phone="+886912345678"))
    house.rows("update contacts set full_name = :name returning id", name=HOSTILE)
    house.rows("update handoffs set reason = :name returning id", name=HOSTILE)
    house.rows(
        "insert into campaigns (name, template, language, category, phone_number_id, created_at)"
        " values (:name, 't', 'zh_TW', 'utility', '1', now()) returning id",
        name=HOSTILE,
    )
    house.rows(
        "insert into sync_runs (crm, mode, state, started_at, error) values (:name, 'full', 'failed', now(), :name)"
        " returning id",
        name=HOSTILE,
    )
    with house.store.begin() as tx:
        spans = {"deadline": timedelta(hours=24), "alarm": timedelta(hours=20)}
        bury(tx, Subject.INBOX, [Burial(1, HOSTILE, HOSTILE)], house.clock.now(), **spans)
    shown = console.get("/").text + json.dumps(console.get("/live.json").json()["sections"])
    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert(&#x27;") >= 6


def test_figures_that_cannot_be_read_are_said_to_be_missing(redis_url: str) -> None:
    with serving(app.build, "postgresql+psycopg2://syncer@127.0.0.1:9/syncer", redis_url) as client:
        assert client.get("/").status_code == 503
        assert "No figures" in client.get("/").text
        assert client.get("/live.json").status_code == 503


def test_without_a_password_only_the_names_of_this_machine_are_answered(console: httpx.Client) -> None:
    assert console.get("/", headers={"Host": "attacker.example"}).status_code == 400
    assert console.get("/live.json", headers={"Host": "localhost:8001"}).status_code == 200


def test_a_password_is_asked_for_everything(database_url: str, redis_url: str) -> None:
    with serving(app.build, database_url, redis_url, CONSOLE_PASSWORD="tea-和-milk") as client:
        for path in ("/", "/live.json", "/assets/page.css"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")
            assert client.get(path, auth=("ops", "wrong")).status_code == 401
            assert client.get(path, headers={"Authorization": "Basic !!"}).status_code == 401
            assert client.get(path, auth=("anybody", "tea-和-milk")).status_code == 200


def test_off_loopback_without_a_password_it_does_not_start(database_url: str, redis_url: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    ended = subprocess.run(
        [sys.executable, "-m", "syncer.web.console"],
        env={**kept, **ENVIRONMENT, **servers, "BIND": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("CONSOLE_PASSWORD: is not set")
    assert len(ended.stderr.splitlines()) == 1
