"""The SQL adapter on PostgreSQL, SQLite and MariaDB, under the shipped mapping; and with one table for all messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.crm_suite import CrmSuite, MessageSuite, ReplySuite
from tests.contract.sql_rooms import SharedTableRoom, SqlRoom


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


class TestSqlCrmOnMariaDB(CrmSuite):
    @pytest.fixture
    def room(self, mariadb_url: str) -> Iterator[SqlRoom]:
        room = SqlRoom(mariadb_url, holds_nul=True)
        yield room
        room.close()


class TestRepliesAmongMessagesOnPostgres(ReplySuite, MessageSuite):
    @pytest.fixture
    def room(self, postgres_url: str) -> Iterator[SqlRoom]:
        room = SharedTableRoom(postgres_url, holds_nul=False)
        yield room
        room.close()


class TestRepliesAmongMessagesOnSqlite(ReplySuite, MessageSuite):
    @pytest.fixture
    def room(self, tmp_path: Path) -> Iterator[SqlRoom]:
        room = SharedTableRoom(f"sqlite:///{tmp_path}/crm.db", holds_nul=True)
        yield room
        room.close()


class TestRepliesAmongMessagesOnMariaDB(ReplySuite, MessageSuite):
    @pytest.fixture
    def room(self, mariadb_url: str) -> Iterator[SqlRoom]:
        room = SharedTableRoom(mariadb_url, holds_nul=True)
        yield room
        room.close()
