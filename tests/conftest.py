"""Real servers for the tests: one PostgreSQL and one Redis for the session, a fresh database for each test that asks.

`DATABASE_URL` and `REDIS_URL` choose running servers instead of the embedded ones, as they do for the engine.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from syncer.embedded.servers import acquire
from syncer.store import schema
from syncer.store.session import Store, open_engine
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs

#: Nothing of the tester's environment reaches a test; what a test needs it says.
_OURS = ("WHATSAPP_", "SYNCER_", "HUBSPOT_", "SALESFORCE_", "ZOHO_", "CRM", "FLOWER_", "CONSOLE_", "COMPANY_NAME")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(database url, redis url) of servers that live as long as the session."""
    given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if all(given):
        yield given
        return
    home = tmp_path_factory.mktemp("servers")
    with acquire(home, postgres=not given[0], redis=not given[1]) as servers:
        yield given[0] or servers.database_url, given[1] or servers.redis_url


@pytest.fixture(scope="session")
def _administrator(embedded: tuple[str, str]) -> Iterator[Engine]:
    engine = create_engine(make_url(embedded[0]).set(database="postgres"), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _migrated(_administrator: Engine) -> Iterator[str]:
    """A migrated database that every test's own is copied from; `CREATE DATABASE ... TEMPLATE` takes some 30 ms."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    with _database(_administrator, name) as url:
        store = Store(open_engine(url))
        schema.upgrade(store)
        store.close()
        yield name


class _database:
    def __init__(self, administrator: Engine, name: str, template: str = "template1") -> None:
        self._administrator, self._name, self._template = administrator, name, template

    def __enter__(self) -> str:
        with self._administrator.connect() as connection:
            connection.execute(text(f'create database "{self._name}" template "{self._template}"'))
        return self._administrator.url.set(database=self._name).render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with self._administrator.connect() as connection:
            connection.execute(text(f'drop database "{self._name}" with (force)'))


@pytest.fixture
def postgres_url(_administrator: Engine) -> Iterator[str]:
    """An empty database."""
    with _database(_administrator, f"empty_{uuid.uuid4().hex[:8]}") as url:
        yield url


@pytest.fixture
def database_url(_administrator: Engine, _migrated: str) -> Iterator[str]:
    """A database with the engine's schema."""
    with _database(_administrator, f"test_{uuid.uuid4().hex[:8]}", _migrated) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The engine's store on a database of its own."""
    store = Store(open_engine(database_url))
    yield store
    store.close()


@pytest.fixture
def redis_url(embedded: tuple[str, str]) -> str:
    """The session's Redis, emptied."""
    with redis.Redis.from_url(embedded[1]) as client:
        client.flushall()
    return embedded[1]


@pytest.fixture
def clock() -> FakeClock:
    """Time that moves only when told to."""
    return FakeClock()


@pytest.fixture
def jobs() -> RecordingJobs:
    """Doorbells that remember having been rung."""
    return RecordingJobs()


@pytest.fixture
def data() -> Path:
    """Real payloads, one file per case."""
    return Path(__file__).parent / "data"
