"""Writing sets of records so that a repeat does no harm and one that is refused does not hold back the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Label,
    Row,
    Table,
    bindparam,
    exc,
    insert,
    select,
    update,
)

from syncer.crm.sql import errors
from syncer.domain.crm_record import WriteResult
from syncer.domain.errors import Never

#: Rows per transaction; below every database's limit of parameters (SQL Server's is 2,100 in one statement).
CHUNK = 200
#: SQL Server has no FOR UPDATE; what it has instead stands behind the table's name.
LOCKED = "WITH (UPDLOCK, ROWLOCK)"

#: What refuses records, the whole of a part or one.
_REFUSALS = (*errors.FAILURES, Never)

Values = dict[str, Any]


class HasRef(Protocol):
    """A record of ours, known by its `ref`."""

    @property
    def ref(self) -> str:
        """Ours, and never changed."""


Item = TypeVar("Item", bound=HasRef)
Work = Callable[[Connection, Sequence[Item]], list[WriteResult]]
Remedy = Callable[[Connection, Item], WriteResult | None]
"""What to write instead of a record that a unique column refused; None where there is nothing."""


def write(
    engine: Engine, items: Sequence[Item], work: Work[Item], remedy: Remedy[Item] | None = None
) -> list[WriteResult]:
    """Run `work` on the items, each part in a transaction of its own; results come in the items' order.

    A part that holds a refused record is halved until the record stands alone, and that one alone fails, or gets its
    `remedy`. Raises what
    `syncer.ports.CRM` allows when the database itself does not serve; what was written by then may be written again.
    """
    writer = engine.execution_options(writes=True)
    parts = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    return [result for part in parts for result in _part(writer, part, work, remedy)]


def _part(engine: Engine, items: Sequence[Item], work: Work[Item], remedy: Remedy[Item] | None) -> list[WriteResult]:
    try:
        return _once_more_after_a_race(engine, items, work)
    except _REFUSALS as error:
        failure = errors.translate(error)
        if not isinstance(failure, Never):
            raise failure from error
        refused = errors.is_conflict(error)
    if len(items) == 1:
        healed = _remedied(engine, items[0], remedy) if remedy and refused else None
        return [healed or WriteResult(items[0].ref, error=failure)]
    half = len(items) // 2
    return _part(engine, items[:half], work, remedy) + _part(engine, items[half:], work, remedy)


def _remedied(engine: Engine, item: Item, remedy: Remedy[Item]) -> WriteResult | None:
    try:
        with engine.begin() as tx:
            return remedy(tx, item)
    except _REFUSALS as error:
        failure = errors.translate(error)
        if not isinstance(failure, Never):
            raise failure from error
        return WriteResult(item.ref, error=failure)


def _once_more_after_a_race(engine: Engine, items: Sequence[Item], work: Work[Item]) -> list[WriteResult]:
    try:
        with engine.begin() as tx:
            return work(tx, items)
    except exc.IntegrityError:
        # Another worker may have inserted the same record between our look and our insert: look again.
        with engine.begin() as tx:
            return work(tx, items)


def present(
    tx: Connection, key: Column[Any], wanted: Sequence[Any], columns: Sequence[Label[Any]], *, lock: bool = True
) -> dict[Any, Row[Any]]:
    """Those of the `wanted` keys that have a row, with that row's `columns`, locked until the transaction ends. The
    lock is taken in the key's order, so that two workers cannot wait for each other."""
    statement = select(key.label("row_key"), *columns).where(key.in_(wanted)).order_by(key)
    if lock:
        statement = statement.with_for_update().with_hint(key.table, LOCKED, "mssql")
    found = {_unpadded(row[0]): row for row in tx.execute(statement)}
    return {which: row for which in wanted if (row := found.get(_unpadded(which))) is not None}


def _unpadded(key: Any) -> Any:
    return key.rstrip(" ") if isinstance(key, str) else key  # a CHAR column fills up with spaces


def add(tx: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows, all with the same columns. Two workers must insert in one order, or they wait for each other."""
    if rows:
        tx.execute(insert(table), list(rows))


def change(tx: Connection, key: Column[Any], changes: Mapping[Any, Values], **also: ColumnElement[Any]) -> None:
    """Update rows by key; rows that change the same columns go together. Rows that change get `also` too."""
    groups: dict[tuple[str, ...], list[Values]] = {}
    for which, values in changes.items():
        names = tuple(sorted(values))
        # Numbered, since a column's name may hold anything, and a parameter's may not.
        numbered = {f"new_{number}": values[name] for number, name in enumerate(names)}
        groups.setdefault(names, []).append({"which_key": which, **numbered})
    for names, rows in groups.items():
        if names:
            statement = update(key.table).where(key == bindparam("which_key", type_=key.type))
            new: Values = {name: bindparam(f"new_{number}") for number, name in enumerate(names)}
            tx.execute(statement.values({**also, **new}), rows)
