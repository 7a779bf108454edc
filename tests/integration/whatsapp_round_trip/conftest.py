"""Engines for the round trips: the usual one, and others made to order."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from tests.integration.whatsapp_round_trip.engine import Engine, opened


@pytest.fixture(scope="session")
def crm_url(_administrator: Database) -> Iterator[str]:
    """A database of the company's, for all round trips of the session."""
    name = f"company_{uuid.uuid4().hex[:8]}"
    with _administrator.connect() as connection:
        connection.execute(text(f'create database "{name}"'))
    yield _administrator.url.set(database=name).render_as_string(hide_password=False)
    with _administrator.connect() as connection:
        connection.execute(text(f'drop database "{name}" with (force)'))


@pytest.fixture
def engine_with(database_url: str, redis_url: str, crm_url: str, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Open an engine with what `opened` takes."""
    with ExitStack() as stack:

        def begin(**wanted: Any) -> Engine:
            return stack.enter_context(opened(database_url, redis_url, crm_url, tmp_path, **wanted))

        yield begin


@pytest.fixture
def engine(engine_with: Callable[..., Engine]) -> Engine:
    """The usual one."""
    return engine_with()
