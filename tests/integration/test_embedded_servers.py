"""What the embedded servers let in and what they promise, looked at from outside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg2
import pytest
import redis as redis_client

from syncer.embedded import servers
from tests.integration.embedded_users import nothing_runs, query, running_in


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Servers]:
    """Servers for the tests that only look at them."""
    folder = tmp_path_factory.mktemp("shared") / "home"
    with servers.acquire(folder) as held:
        yield held
    assert nothing_runs(folder), running_in(folder)


def test_nothing_but_loopback_listens(shared: servers.Servers) -> None:
    listening = {}
    for end in (shared.postgres, shared.redis):
        assert end is not None
        connections = psutil.Process(end.pid).net_connections(kind="all")
        assert not [c for c in connections if c.family == socket.AF_UNIX and c.laddr]
        listening[end.port] = [c.laddr for c in connections if c.status == psutil.CONN_LISTEN]
    assert listening == {port: [("127.0.0.1", port)] for port in listening}


def test_whoever_connects_cannot_reach_beyond_the_data(shared: servers.Servers) -> None:
    assert shared.postgres is not None
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(shared.postgres.port, "COPY (SELECT 1) TO PROGRAM 'true'")
    with pytest.raises(psycopg2.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg2.connect(host="127.0.0.1", port=shared.postgres.port, user="postgres", dbname="postgres")
    with pytest.raises(redis_client.ResponseError, match="unknown command"):
        redis_client.Redis.from_url(shared.redis_url).config_set("dir", "/tmp")


def test_what_is_committed_is_on_the_disk(shared: servers.Servers) -> None:
    assert shared.postgres is not None
    names = "('fsync', 'synchronous_commit', 'full_page_writes', 'server_encoding', 'TimeZone')"
    values = dict(query(shared.postgres.port, f"SELECT name, setting FROM pg_settings WHERE name IN {names}"))
    assert values.pop("TimeZone") == "UTC"
    assert values.pop("server_encoding") == "UTF8"
    assert set(values.values()) == {"on"}
    assert redis_client.Redis.from_url(shared.redis_url).info("persistence")["aof_enabled"] == 1


def test_databases_are_made_once_whoever_asks_and_under_their_own_name_only(shared: servers.Servers) -> None:
    assert shared.postgres is not None
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: servers.create_database(shared, "company_crm"), range(4)))
    assert urls == {shared.database_url.removesuffix("syncer") + "company_crm"}
    assert query(shared.postgres.port, "SELECT current_database()", "company_crm") == [("company_crm",)]
    with pytest.raises(ValueError, match="not a database name"):
        servers.create_database(shared, 'x"; DROP DATABASE syncer; --')
