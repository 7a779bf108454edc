"""Personal data on request: everything held about one person, as one document with the files beside it (GDPR Art. 15
and 20)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from syncer.flows.media import place, suggested_name
from syncer.ports import Clock
from syncer.store import personal_data, traces
from syncer.store.session import Store
from syncer.store.traces import Traces

Rows = dict[str, list[dict[str, Any]]]

#: Columns of journals, each with the columns that name whom it shows.
_PICTURES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contact_joins": {
        "kept": ("kept_id",),
        "absorbed": ("absorbed_id",),
        "after": ("kept_id", "absorbed_id"),
        "moved": ("kept_id", "absorbed_id"),
        "conversations": ("kept_id", "absorbed_id"),
    },
    "row_separations": {
        "kept_before": ("kept_id", "apart_id"),
        "kept_after": ("kept_id",),
        "apart": ("apart_id",),
    },
}
#: What tables tell of a row of a CRM, which may live with somebody else by now.
_OF_ROWS: Mapping[str, tuple[str, ...]] = {"merges": ("before",), "contact_conflicts": ("base", "theirs")}


@dataclass(frozen=True, slots=True)
class Document:
    """`held` is every row by table; `files` what they sent, by the name below the folder it was copied to (None: it
    was never fetched, or is not there any more)."""

    contact_id: int
    exported_at: datetime
    identifiers: Mapping[str, Sequence[str]]
    held: Rows
    files: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PersonalData:
    """`folder` holds customers' files."""

    store: Store
    clock: Clock
    folder: Path

    def export(self, contact_id: int, out: Path | None = None) -> Document:
        """Everything held about a person, as of one moment; with `out` their files are copied there. Raises
        `LookupError` for an unknown contact, `OSError` when `out` cannot be written."""
        with self.store.begin() as tx:
            personal_data.of_one_moment(tx)
            person = traces.of(tx, contact_id)
            held = _own_part(personal_data.rows(tx, person), person)
        files = [
            {"message_id": row["message_id"], "type": row["mime_type"], "file": self._copy(row, out)}
            for row in held.get("media", ())
        ]
        return Document(contact_id, self.clock.now(), _known_by(person), held, files)

    def _copy(self, row: Mapping[str, Any], out: Path | None) -> str | None:
        if out is None or not row["sha256"]:
            return None
        source = place(self.folder, row["sha256"])
        name = f"{row['id']}-{Path(suggested_name(cast(Any, SimpleNamespace(**row)))).name}"
        out.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, out / name)
        except FileNotFoundError:
            return None
        return name


def _known_by(person: Traces) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for kind, value in sorted(person.identifiers()):
        found.setdefault(kind, []).append(value)
    return dict(found)


def _own_part(held: Rows, person: Traces) -> Rows:
    """Without what some rows tell of others: journals of contacts that were one for a while, lists of many rows."""
    mine = set(zip(person.crms, person.crm_ids, strict=True))
    for table, pictures in _PICTURES.items():
        for row in held.get(table, ()):
            _blank_others(row, pictures, set(person.ids))
    for table, theirs in _OF_ROWS.items():
        for row in held.get(table, ()):
            if (row["crm"], row["crm_id"]) not in mine:
                row.update(dict.fromkeys(theirs))
    for row in held.get("sync_runs", ()):
        row["parked"] = [one for one in row["parked"] if (row["crm"], one["crm_id"]) in mine]
    return held


def _blank_others(row: dict[str, Any], pictures: Mapping[str, tuple[str, ...]], ids: set[int]) -> None:
    """Of two who are two again, only what shows this person alone."""
    if {row["kept_id"], row.get("absorbed_id", row.get("apart_id"))} <= ids:
        return
    for shown, whose in pictures.items():
        if {row[name] for name in whose} - ids:
            row[shown] = None
