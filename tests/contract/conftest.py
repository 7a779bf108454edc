"""Databases of other makes for the adapter of a company's own tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import mariadb_server


@pytest.fixture(scope="session")
def _mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if (why := mariadb_server.missing()) is not None:
        pytest.skip(why)
    with mariadb_server.running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def mariadb_url(_mariadb: str) -> Iterator[str]:
    """An empty MariaDB database."""
    with mariadb_server.database(_mariadb) as url:
        yield url
