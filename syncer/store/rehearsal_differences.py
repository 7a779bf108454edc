"""What a rehearsal has changed: its copies held against the originals (X8).

A row that the copying did not write was written by the rehearsal, so what others change in the originals meanwhile is
not taken for its work. Counted in one reading of a table; samples are looked up for what has changed only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from syncer.store.contacts import contacts
from syncer.store.rehearsals import Stage

#: Columns of a contact that say how it is kept, not what is known of the person.
_BOOKKEEPING = frozenset({"id", "revision", "created_at", "updated_at", "edits", "attributes"})
FIELDS = tuple(column.name for column in contacts.c if column.name not in _BOOKKEEPING)

#: A row of the copy `t` that the rehearsal has written.
_OURS = "t.xmin <> cast(:copying as xid)"
#: A row of the original `r` that is no younger than its copy.
_COPIED = "age(r.xmin) >= age(cast(:copying as xid))"


@dataclass(frozen=True, slots=True)
class Sample:
    """One contact's field, before and after."""

    contact_id: int
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class FieldChange:
    """How many contacts say something else of a field, and some of them."""

    count: int
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows, and some of them."""

    count: int
    samples: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a sync would change.

    `fields` by name, attributes as `attributes.<name>`, of contacts that exist. `gone` are rows of CRMs that would no
    longer be known, `parked` those that could not be taken in, with the reason. `words` counts entries of the consent
    ledger by (tier, word, source), `writes` the contacts that each CRM would be told of. `conflicts` would wait for a
    person, `alerts` are what people would be told. `tables` by name: rows before, rows after, rows written.
    """

    new: Found
    changed: int
    removed: Found
    fields: Mapping[str, FieldChange]
    merged: Found
    parted: int
    gone: Found
    words: Mapping[tuple[str, str, str], int]
    writes: Mapping[str, int]
    parked: Sequence[Mapping[str, Any]]
    conflicts: Found
    alerts: Sequence[str]
    tables: Mapping[str, tuple[int, int, int]]


def difference(stage: Stage, samples: int) -> Difference:
    """Everything that is different on this stage, with up to `samples` of each kind."""
    with stage.store.begin() as tx:
        reader = _Reader(tx, stage, samples)
        columns = reader.columns()
        return Difference(
            new=reader.new(),
            changed=columns.pop(""),
            removed=reader.removed(),
            fields={name: reader.field(name, count) for name, count in columns.items() if count} | reader.attributes(),
            merged=reader.merged(),
            parted=reader.parted(),
            gone=reader.gone(),
            words=reader.words(),
            writes=reader.writes(),
            parked=reader.parked(),
            conflicts=reader.conflicts(),
            alerts=reader.alerts(),
            tables=reader.tables(),
        )


@dataclass(frozen=True)
class _Reader:
    tx: Connection
    stage: Stage
    most: int

    def _all(self, statement: str, **values: Any) -> Sequence[Any]:
        known = {"copying": self.stage.copying, "newest": self.stage.newest, "most": self.most}
        asked = {name: value for name, value in known.items() if f":{name}" in statement}
        return self.tx.execute(text(statement), asked | values).fetchall()

    def _found(self, columns: str, rows: str, order: str) -> Found:
        """`rows` is what stands after `from`."""
        count = self._all(f"select count(*) from {rows}")[0][0]
        some = self._all(f"select {columns} from {rows} order by {order} limit :most") if count else []
        return Found(count, [dict(row._mapping) for row in some])

    @property
    def _pairs(self) -> str:
        """Contacts that were there before: `t` as they would be, `r` as they are."""
        return f"""pg_temp.contacts t join {self.stage.schema}.contacts r on r.id = t.id
            where {_OURS} and t.id <= :newest"""

    def new(self) -> Found:
        """Persons nobody knew."""
        return self._found("id, full_name, phone, phone_problem", "pg_temp.contacts t where id > :newest", "id")

    def removed(self) -> Found:
        """Contacts of which nothing would be left."""
        rows = f"""{self.stage.schema}.contacts r where {_COPIED}
            and not exists (select 1 from pg_temp.contacts t where t.id = r.id)"""
        return self._found("id, full_name, phone", rows, "id")

    def columns(self) -> dict[str, int]:
        """How many contacts change in each field; under "" how many do in any."""
        one = ", ".join(f"count(*) filter (where t.{name} is distinct from r.{name})" for name in FIELDS)
        every = " or ".join(f"t.{name} is distinct from r.{name}" for name in (*FIELDS, "attributes"))
        row = self._all(f"select count(*) filter (where {every}), {one} from {self._pairs}")[0]
        return dict(zip(("", *FIELDS), row, strict=True))

    def field(self, name: str, count: int) -> FieldChange:
        """Samples of one field."""
        return self._change(count, f"r.{name}", f"t.{name}")

    def attributes(self) -> dict[str, FieldChange]:
        """The same for what a mapping added."""
        counts = self._all(f"""
            select name, count(*) from (select t.attributes as theirs, r.attributes as ours from {self._pairs}
                and t.attributes is distinct from r.attributes) c
            cross join lateral jsonb_object_keys(ours || theirs) name
            where ours -> name is distinct from theirs -> name group by name order by name""")
        return {f"attributes.{name}": self._attribute(name, count) for name, count in counts}

    def _attribute(self, name: str, count: int) -> FieldChange:
        return self._change(count, "r.attributes -> :name", "t.attributes -> :name", name=name)

    def _change(self, count: int, old: str, new: str, **values: Any) -> FieldChange:
        rows = self._all(
            f"""select t.id, {old} as old, {new} as new from {self._pairs} and {new} is distinct from {old}
                order by t.id limit :most""",
            **values,
        )
        return FieldChange(count, [Sample(*row) for row in rows])

    def merged(self) -> Found:
        """Rows that would join a contact which has others."""
        rows = f"""pg_temp.merges t where {_OURS} and undone_at is null
            and not exists (select 1 from {self.stage.schema}.merges r where r.id = t.id)"""
        return self._found("contact_id, crm, crm_id, key", rows, "id")

    def parted(self) -> int:
        """Rows that would leave a contact they had been merged into."""
        return int(self._all(f"select count(*) from pg_temp.merges t where {_OURS} and undone_at is not null")[0][0])

    def gone(self) -> Found:
        """Rows that would no longer be known."""
        rows = f"""{self.stage.schema}.contact_sources r where {_COPIED}
            and not exists (select 1 from pg_temp.contact_sources t where t.crm = r.crm and t.crm_id = r.crm_id)"""
        fate = f"""(select fate from pg_temp.departed_sources t
            where t.crm = r.crm and t.crm_id = r.crm_id and {_OURS} order by id desc limit 1) as fate"""
        return self._found(f"crm, crm_id, contact_id, {fate}", rows, "crm, crm_id")

    def words(self) -> dict[tuple[str, str, str], int]:
        """Words of consent that would be entered."""
        rows = self._all(f"""
            select tier, word, source, count(*) from pg_temp.consents t where {_OURS}
            group by tier, word, source order by tier, word, source""")
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def writes(self) -> dict[str, int]:
        """What each CRM would be told of."""
        rows = self._all(f"select crm, count(*) from pg_temp.crm_writes t where {_OURS} group by crm order by crm")
        return {row[0]: row[1] for row in rows}

    def parked(self) -> list[dict[str, Any]]:
        """Rows that would be left out; how many there are is among the run's own counts."""
        rows = self._all(f"""
            select crm, p ->> 'crm_id' as crm_id, p ->> 'reason' as reason
            from pg_temp.sync_runs t cross join lateral jsonb_array_elements(t.parked) p
            where {_OURS} order by t.id limit :most""")
        return [dict(row._mapping) for row in rows]

    def conflicts(self) -> Found:
        """Fields on which a CRM and somebody else would be found to disagree."""
        rows = f"pg_temp.contact_conflicts t where {_OURS} and settled_at is null"
        return self._found("contact_id, crm, crm_id, field, ours, theirs, kept", rows, "id")

    def alerts(self) -> list[str]:
        """What would be sounded."""
        return [row[0] for row in self._all(f"select message from pg_temp.alerts t where {_OURS} order by id")]

    def tables(self) -> dict[str, tuple[int, int, int]]:
        """(rows before, rows after, rows written) of each table in which something moves."""
        found = {}
        for name, before in self.stage.copied.items():
            row = self._all(f"select count(*), count(*) filter (where {_OURS}) from pg_temp.{name} t")[0]
            if row[1] or row[0] != before:
                found[name] = (before, row[0], row[1])
        return found
