"""`syncer webhooks` as operators see it: which address to enter where, and what is missing for one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from syncer.cli.main import main
from syncer.crm.salesforce.notices import secrets_of
from syncer.domain.change_notice import Changed, Kind
from syncer.store import crm_notices
from syncer.store.session import Store
from tests.contract.zoho_rooms import Site
from tests.integration.notice_house import environment
from tests.integration.web_server import ENVIRONMENT

PUBLIC = "https://sync.example.com"
Syncer = Callable[..., tuple[int, Any]]


@pytest.fixture
def syncer(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Syncer:
    """Run a command; (exit code, the JSON document)."""
    given = {**ENVIRONMENT, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "SYNCER_HOME": str(tmp_path)}

    def run(*arguments: str, **more: str) -> tuple[int, Any]:
        for name, value in {**given, **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["syncer", *arguments, "--json"])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), json.loads(capsys.readouterr().out or "null")

    return run


def test_it_says_what_to_enter_at_each_and_when_it_was_used_last(syncer: Syncer, store: Store) -> None:
    more = environment("hubspot", "http://127.0.0.1:1") | environment("salesforce", "http://127.0.0.1:1")
    more |= {"CRM": "hubspot,salesforce,sql", "SYNCER_PUBLIC_URL": PUBLIC}
    told_at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    store.run(lambda tx: crm_notices.tell(tx, "hubspot", [Changed(Kind.CONTACT, "1")], told_at))
    code, document = syncer("webhooks", "list", **more)
    rows = {row["who"]: row for row in document["webhooks"]}
    secret = secrets_of(load({**ENVIRONMENT, **more}))[0]
    assert code == 0
    assert {who: row["address"] for who, row in rows.items()} == {
        "whatsapp": f"{PUBLIC}/webhooks/whatsapp",
        "hubspot": f"{PUBLIC}/webhooks/hubspot",
        "salesforce": f"{PUBLIC}/webhooks/salesforce/{secret}",
    }
    assert datetime.fromisoformat(rows["hubspot"]["last_told_at"]) == told_at
    assert rows["salesforce"]["last_told_at"] is None


def test_what_is_missing_is_named(syncer: Syncer) -> None:
    code, document = syncer("webhooks", "list", CRM="hubspot", SYNCER_PUBLIC_URL=PUBLIC)
    [_, row] = document["webhooks"]
    assert (code, row["address"]) == (1, "")
    assert "HUBSPOT_CLIENT_SECRET" in row["problem"]


def test_zohos_channels_are_opened_by_hand_too(syncer: Syncer) -> None:
    site = Site()
    try:
        code, document = syncer(
            "webhooks", "renew", CRM="zoho", SYNCER_PUBLIC_URL=PUBLIC, **environment("zoho", site.url)
        )
        assert code == 0
        assert datetime.fromisoformat(document["channels"]["zoho"]) > datetime.now(UTC)
        channels = site.told("GET", "channels")["channels"]
        assert {channel["notify_url"] for channel in channels} == {f"{PUBLIC}/webhooks/zoho"}
    finally:
        site.close()
