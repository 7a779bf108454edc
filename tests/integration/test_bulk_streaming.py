"""Rows sent by a thread of their own: all of them arrive in order, or nothing does and the connection is as before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from syncer.domain.errors import TryAgain
from syncer.store.bulk import Unstorable, all_or_nothing, copy, streaming
from syncer.store.session import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONTACTS = ("id", "full_name", "created_at", "updated_at")
IDENTITIES = ("kind", "value", "contact_id")


def people(count: int) -> Iterator[tuple[Any, ...]]:
    return ((number, f"王\t{number}", NOW, NOW) for number in range(1, count + 1))


def phones(count: int) -> Iterator[tuple[Any, ...]]:
    return (("phone", f"+8869{number:08}", number) for number in range(1, count + 1))


def how_many(tx: Connection, table: str) -> Any:
    return tx.execute(text(f"select count(*) from {table}")).scalar_one()


def test_tables_that_refer_to_each_other_are_filled_one_after_the_other(store: Store) -> None:
    with store.begin() as tx:
        with streaming(tx) as stream:
            copy(stream, "contacts", CONTACTS, people(1234))
            copy(stream, "identities", IDENTITIES, [])
            copy(stream, "identities", IDENTITIES, phones(1234))
        assert (how_many(tx, "contacts"), how_many(tx, "identities")) == (1234, 1234)
        found = tx.execute(text("select full_name from contacts where id = 1234")).scalar_one()
    assert found == "王\t1234"


def test_an_empty_stream_leaves_the_connection_usable(store: Store) -> None:
    with store.begin() as tx:
        with streaming(tx) as stream:
            copy(stream, "contacts", CONTACTS, [])
        assert how_many(tx, "contacts") == 0


@pytest.mark.parametrize(
    ("bad", "raised"),
    [
        ((("phone", "+1", 99_999),), TryAgain),  # nobody has that number
        ((("phone", None, 1),), Unstorable),
        ((("phone", "+1", 1), ("phone", "+1", 2)), TryAgain),
    ],
)
def test_what_postgresql_refuses_is_raised_as_ever_and_takes_back_the_block_alone(
    store: Store, bad: Any, raised: type[Exception]
) -> None:
    def block(tx: Connection) -> None:
        with all_or_nothing(tx), streaming(tx) as stream:
            copy(stream, "contacts", CONTACTS, people(500))
            copy(stream, "identities", IDENTITIES, bad)
            copy(stream, "identities", IDENTITIES, phones(500))

    with store.begin() as tx:
        copy(tx, "contacts", CONTACTS, [(5000, "before", NOW, NOW)])
        with pytest.raises(raised):
            block(tx)
        assert (how_many(tx, "contacts"), how_many(tx, "identities")) == (1, 0)


def half() -> Iterator[tuple[Any, ...]]:
    """What breaks in the middle of a table."""
    yield from people(700)
    raise LookupError("the 701st")


def send_half(tx: Connection) -> None:
    with streaming(tx) as stream:
        copy(stream, "contacts", CONTACTS, half())


def test_a_row_that_cannot_be_thought_of_takes_back_the_block_and_leaves_the_connection_usable(store: Store) -> None:
    with store.begin() as tx:
        with pytest.raises(LookupError, match="701st"), all_or_nothing(tx):
            send_half(tx)
        assert how_many(tx, "contacts") == 0
        copy(tx, "contacts", CONTACTS, people(3))
    with store.begin() as tx:
        assert how_many(tx, "contacts") == 3


def test_half_a_table_is_not_committed_even_where_the_error_is_swallowed(store: Store) -> None:
    with store.begin() as tx, pytest.raises(LookupError):
        send_half(tx)
    with store.begin() as tx:
        assert how_many(tx, "contacts") == 0
