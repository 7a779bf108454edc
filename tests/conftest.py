"""Real servers for the tests: one PostgreSQL and one Redis for the session, a fresh database for each test that asks.

`DATABASE_URL` and `REDIS_URL` choose running servers instead of the embedded ones, as they do for the engine.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from syncer.embedded.servers import acquire
from syncer.store import schema
from syncer.store.base import metadata
from syncer.store.session import Store, open_engine
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs

#: Nothing of the tester's environment reaches a test; what a test needs it says.
_OURS = ("WHATSAPP_", "SYNCER_", "HUBSPOT_", "SALESFORCE_", "ZOHO_", "CRM", "FLOWER_", "CONSOLE_", "COMPANY_NAME")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What tests of odd texts print and log holds half characters, which a report on its way from one process of pytest
    to another cannot."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


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
    url = make_url(embedded[0]).set(database="postgres")
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _migrated(_administrator: Engine) -> Iterator[str]:
    """The url of a database with the engine's schema. The tests use it one after the other, emptied row by row: making
    one for each, or truncating, waits for the disk."""
    with _database(_administrator, f"migrated_{uuid.uuid4().hex[:8]}") as url:
        store = Store(open_engine(url))
        schema.upgrade(store)
        store.close()
        yield url


_CUT_OFF = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"""


class _database:
    def __init__(self, administrator: Engine, name: str) -> None:
        self._administrator, self._name = administrator, name

    def __enter__(self) -> str:
        with self._administrator.connect() as connection:
            connection.execute(text(f'create database "{self._name}"'))
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
def database_url(_migrated: str) -> str:
    """A database with the engine's schema and nothing in it. Whoever is still connected from the last test is cut
    off."""
    engine = create_engine(_migrated, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(_CUT_OFF))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return _migrated


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
