"""A company's database that is cut off in the middle of a write, wherever that is: nothing is given up, nothing
doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from config.files import load_mapping
from config.settings import PACKAGED_FILES
from syncer.acceptance.customer_tables import metadata
from syncer.crm.sql.adapter import SqlCRM
from syncer.crm.sql.counting import count_transactions
from syncer.domain.crm_record import CrmContact, CrmMessage, CrmTask, WriteResult
from syncer.domain.errors import Never, TryAgain, TryLater
from syncer.simulators.wire import Wire

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
#: Pieces of answers that still come before the line is dead; a write takes fewer than the most of them.
PIECES = range(14)


@dataclass
class Far:
    """A database at the other end of a wire."""

    wire: Wire
    crm: SqlCRM
    url: str

    def count(self, table: str) -> int:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
        engine.dispose()
        return found


@pytest.fixture
def far(postgres_url: str) -> Iterator[Far]:
    url = make_url(postgres_url)
    engine = create_engine(postgres_url)
    metadata.create_all(engine)
    with engine.begin() as tx:
        tx.execute(
            text("insert into customers (name, mobile) select 'c' || n, '091200000' || n from generate_series(1, 5) n")
        )
    engine.dispose()
    wire = Wire(url.port or 5432)
    wire.open()
    near = url.set(port=wire.port).render_as_string(hide_password=False)
    crm = SqlCRM(near, load_mapping(PACKAGED_FILES, "sql"), "TW")
    # As in the engine's processes: what counts the transactions must not hide how one ended.
    count_transactions(crm.engine, lambda *_: None)
    yield Far(wire, crm, postgres_url)
    crm.close()
    wire.close()


def message(number: int) -> CrmMessage:
    return CrmMessage(f"in-{number}", "1", None, "in", "text", "hi", f"wamid.{number}", None, None, NOON)


def told(far: Far, what: str) -> list[WriteResult]:
    if what == "messages":
        return far.crm.write_messages([message(number) for number in range(5)])
    if what == "tasks":
        return far.crm.write_tasks([CrmTask(f"task-{n}", "1", "s", "b", "normal", NOON) for n in range(5)])
    people = [CrmContact(f"c-{n}", None, {"full_name": "新", "phone": f"+88698765432{n}"}) for n in range(5)]
    return far.crm.write_contacts(people)


@pytest.mark.parametrize("what", ["messages", "tasks", "contacts"])
def test_a_write_that_is_cut_off_is_asked_for_again_and_stands_once(far: Far, what: str) -> None:
    cut = 0
    for left in PIECES:
        far.wire.answers_left = left
        try:
            results = told(far, what)
        except (TryAgain, TryLater):
            cut += 1
        else:
            given_up = [result.error for result in results if isinstance(result.error, Never)]
            assert given_up == [], f"after {left} pieces"
        far.wire.answers_left = None
    assert cut > 2
    assert all(result.error is None for result in told(far, what))
    wanted = {"messages": ("whatsapp_messages", 5), "tasks": ("service_tasks", 5), "contacts": ("customers", 10)}
    table, rows = wanted[what]
    assert far.count(table) == rows
