"""The SQL adapter on PostgreSQL and SQLite, under the shipped mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.crm_suite import CrmSuite
from tests.contract.sql_rooms import SqlRoom


class TestSqlCrmOnPostgres(CrmSuite):
    @pytest.fixture
    def room(self, postgres_url: str) -> Iterator[SqlRoom]:
        room = SqlRoom(postgres_url, holds_nul=False)
        yield room
        room.close()


class TestSqlCrmOnSqlite(CrmSuite):
    @pytest.fixture
    def room(self, tmp_path: Path) -> Iterator[SqlRoom]:
        room = SqlRoom(f"sqlite:///{tmp_path}/crm.db", holds_nul=True)
        yield room
        room.close()
