"""One record at a time: create, update, upsert, delete, merge - with all that an org may have against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.simulators.salesforce.errors import SalesError, refused
from syncer.simulators.salesforce.ids import number_of
from syncer.simulators.salesforce.org import Org
from syncer.simulators.salesforce.records import Collection, Record
from syncer.simulators.salesforce.values import checked, judge


def create(
    org: Org, kind: str, given: Mapping[str, Any], *, save_alike: bool, typed: bool = False, at: int | None = None
) -> Record:
    """A new record; raises 400 for what is refused. `typed`: by the org's people, who may write every field."""
    collection = org.collection(kind)
    kept = checked(collection.schema, given)
    judge(collection.schema, kept, {}, org.points, new=True, typed=typed)
    if not typed:
        _no_twin(org, collection, kept, save_alike)
    if "OwnerId" in collection.schema.fields:
        known = {name: value for name, value in kept.items() if value is not None}
        kept = {"OwnerId": org.user, "CreatedById": org.user, **known}
    return collection.create(kept, at=at)


def update(
    org: Org, kind: str, record_id: object, given: Mapping[str, Any], *, typed: bool = False, at: int | None = None
) -> Record:
    """New values for a record; raises 400 for what is refused."""
    collection = org.collection(kind)
    kept = checked(collection.schema, given)
    row = there(collection, record_id)
    if row.deleted:
        raise refused("ENTITY_IS_DELETED", "entity is deleted")
    judge(collection.schema, kept, row.values, org.points, new=False, typed=typed)
    collection.update(row, kept, at=at)
    return row


def upsert(org: Org, kind: str, by: str, given: Mapping[str, Any], *, save_alike: bool) -> tuple[Record, bool]:
    """The record with this external id, or a new one; and whether it is new. Raises 400."""
    collection = org.collection(kind)
    if by not in collection.schema.uniques:
        raise SalesError(400, "INVALID_FIELD", f"Field name provided, {by} is not an External ID or indexed field")
    value = given.get(by)
    if not value:
        raise refused("MISSING_ARGUMENT", f"{by} not specified", by)
    row = collection.by_unique(by, str(value).strip())
    if row is None:
        return create(org, kind, given, save_alike=save_alike), True
    return update(org, kind, row.id, given), False


def delete(org: Org, kind: str, record_id: object) -> Record:
    """Into the recycle bin."""
    collection = org.collection(kind)
    row = there(collection, record_id)
    if row.deleted:
        raise refused("ENTITY_IS_DELETED", "entity is deleted")
    collection.delete(row)
    return row


def merge(org: Org, kind: str, master_id: object, other_id: object) -> Record:
    """Two records become one; the other goes into the recycle bin and remembers the first."""
    collection = org.collection(kind)
    master, other = there(collection, master_id), there(collection, other_id)
    if master.deleted or other.deleted or master.id == other.id:
        raise refused("ENTITY_IS_DELETED", "entity is deleted")
    collection.delete(other, master=master)
    collection.update(master, {**other.values, **master.values})
    return master


def there(collection: Collection, record_id: object) -> Record:
    """The record with an id; raises for a text that is none, and for an id that nothing has."""
    row = collection.find(record_id)
    if row is not None:
        return row
    if number_of(record_id) is None:
        raise refused("MALFORMED_ID", f"bad id {record_id}", "Id")
    raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def _no_twin(org: Org, collection: Collection, kept: Mapping[str, Any], save_alike: bool) -> None:
    """The company's rule for duplicates; where it only warns, whoever says so saves all the same."""
    schema = collection.schema
    if not schema.alike or (save_alike and not schema.blocks):
        return
    same = [
        row
        for row in collection.rows.values()
        if not row.deleted and all(kept.get(name) and kept[name] == row.values.get(name) for name in schema.alike)
    ]
    if same:
        matches = [{"record": org.shown(collection, row, ["Id"]), "matchConfidence": 100.0} for row in same]
        result = {
            "allowSave": not schema.blocks,
            "matchResults": [{"entityType": schema.kind, "matchRecords": matches}],
        }
        more = {"duplicateResut": result}
        raise SalesError(400, "DUPLICATES_DETECTED", "Use one of these records?", more=more)
