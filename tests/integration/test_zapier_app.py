"""The Zapier app: Zapier's own schema accepts it, and its functions do against our API what they promise.

Needs Node and the npm packages of `integrations/zapier/package-lock.json`; where these cannot be had the tests are
skipped, with the reason. The packages are kept in pytest's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from syncer.store.session import Store
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.conftest import House
from tests.integration.web_server import serving

APP = Path(__file__).parents[2] / "integrations/zapier"
INSTALL_SECONDS = 180
KEYS = f"zapier:messages+contacts+campaigns+hooks:{sha256(b'zapier').hexdigest()}"
TRIGGERS = {"message_received", "message_status", "contact_created", "contact_updated", "handoff_created"}


@pytest.fixture(scope="module")
def zapier(pytestconfig: pytest.Config) -> Path:
    """A copy of the app with its packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    lock = (APP / "package-lock.json").read_bytes()
    assert pytestconfig.cache is not None
    place = pytestconfig.cache.mkdir("zapier") / hashlib.sha256(lock).hexdigest()[:16]
    shutil.copytree(APP, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    if not (place / "installed").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--loglevel=error"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip("the npm registry does not answer")
        if done.returncode:
            pytest.skip(f"the npm packages cannot be had: {done.stderr.strip().splitlines()[0]}")
        (place / "installed").touch()
    return place


@pytest.fixture
def driven(
    zapier: Path,
    house: House,
    database_url: str,
    redis_url: str,
    jobs: RecordingJobs,
    clock: FakeClock,
) -> Iterator[dict[str, Any]]:
    """What every function of the app gave, run against an engine."""
    more = {
        "SYNCER_API_KEYS": KEYS,
        "SYNCER_SECRET_KEY": Fernet.generate_key().decode(),
        "HOOKS_PRIVATE_NETWORKS": "127.0.0.0/8",
    }
    with serving(app.build, database_url, redis_url, jobs, clock, **more) as client:
        address = str(client.base_url).rstrip("/")
        command = ["node", "test/drive.js", address, "zapier", "http://127.0.0.1:9/hooks/standard/1/abc/"]
        done = subprocess.run(command, cwd=zapier, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        # What Zapier's own runtime has to say comes before.
        yield json.loads(done.stdout.strip().splitlines()[-1])


def validated(zapier: Path, *without: str) -> list[dict[str, str]]:
    done = subprocess.run(
        ["node", "test/validate.js", *without], cwd=zapier, capture_output=True, text=True, timeout=60
    )
    assert done.stdout, done.stderr
    errors: list[dict[str, str]] = json.loads(done.stdout)
    return errors


def test_zapiers_own_schema_accepts_the_definition(zapier: Path) -> None:
    assert validated(zapier) == []
    assert validated(zapier, "version") != []


def test_every_function_does_what_it_promises_against_our_api(
    driven: dict[str, Any], store: Store, house: House
) -> None:
    assert driven["me"]["company"] == "Formosa Tea Co."
    assert driven["me"]["name"] == "zapier"
    assert driven["hooks"].keys() == TRIGGERS
    for told in driven["hooks"].values():
        assert told["list"]
        assert all(one["id"] for one in told["list"])
        assert told["subscribed"] == told["again"]
        assert told["delivered"] == told["list"][:1]
    assert house.value("select count(*) from hook_subscriptions where state <> 'gone'") == 0
    person = driven["upserted"]["id"]
    assert (driven["upserted"]["result"], driven["kept"]["result"]) == ("created", "created")
    assert driven["upsertedAgain"] == driven["upserted"]
    assert driven["sentAgain"]["id"] == driven["sent"]["id"]
    assert driven["sentNext"]["id"] != driven["sent"]["id"]
    assert driven["campaignAgain"]["id"] == driven["campaign"]["id"]
    assert driven["campaign"]["sends"] == {"planned": 1}
    assert house.value("select count(*) from outgoing") == 3
    assert [one["id"] for one in driven["found"]] == [person]
    assert driven["found"][0]["attributes"] == {"custom.level": "gold"}
    assert driven["foundNobody"] == []
    assert {one["contact_id"] for one in driven["polled"]} == {person, driven["kept"]["id"]}


def test_refusals_reach_the_zaps_owner_in_our_words(driven: dict[str, Any]) -> None:
    refused = driven["refused"]
    assert "either a text or a template" in refused["both"]["message"]
    assert "not a phone number" in refused["phone"]["message"]
    assert refused["key"]["name"] == "ExpiredAuthError"


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((APP / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_the_versions_are_exact() -> None:
    package = json.loads((APP / "package.json").read_text(encoding="utf-8"))
    for versions in (package["dependencies"], package["devDependencies"]):
        assert all(version[0].isdigit() for version in versions.values())
