"""`syncer contacts merge`, `unmerge` and `suggestions`: who is one person, by somebody's word (R5, X3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.cli.contact_view import Who, find
from syncer.cli.output import Failed, Json, WrongUsage, facts, note, show, table
from syncer.cli.session import engine
from syncer.flows.contacts.merging import History
from syncer.flows.contacts.suggestions import Suggestions
from syncer.store import contacts

_BY = typer.Option("--by", help="Who decides, for the journal.")
By = Annotated[str, _BY]
_TERMINAL = "command line"
_COMPARED = ("id", "full_name", "phone", "email", "tags", "transactional", "marketing")
_LIKE = ("id", "score", "one_id", "one_name", "one_phone", "other_id", "other_name", "other_phone", "reasons")


def merge(
    one: Who,
    other: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it the two are only shown.")] = False,
    why: Annotated[str, typer.Option("--why", help="What shows it, for the journal.")] = "",
    by: By = _TERMINAL,
    json: Json = False,
) -> None:
    """Make two contacts one; `contacts unmerge` takes it back. Exit code 4 for a contact and itself."""
    with engine(rings=yes) as runtime, _explained():
        ids = find(runtime, one), find(runtime, other)
        if not yes:
            _compare(runtime, ids)
            raise WrongUsage(f"say --yes to make contacts {ids[0]} and {ids[1]} one")
        kept, join_id = parts.merging(runtime).merge(*ids, by, why)
    show({"contact": kept, "join": join_id}, f"contact {kept} is both now; join {join_id} can be undone")


def _compare(runtime: Runtime, ids: tuple[int, int]) -> None:
    with runtime.store.begin() as tx:
        found = contacts.by_ids(tx, ids)
    for contact_id in ids:
        said = found[contact_id]._mapping
        note(", ".join(f"{name} {said[name]}" for name in _COMPARED if said[name]))


def unmerge(
    who: Who,
    row: Annotated[str | None, typer.Option("--row", help="One row of a CRM: `hubspot:42`.")] = None,
    join: Annotated[int | None, typer.Option("--join", help="One join of two contacts.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that made this contact.")] = False,
    by: By = _TERMINAL,
    json: Json = False,
) -> None:
    """Take apart what is not one person. Without --row, --join or --all: list what can be undone, exit code 1. Exit
    code 4 where another join has to be undone first, or nothing would be left."""
    if sum((row is not None, join is not None, everything)) > 1:
        raise WrongUsage("--row, --join and --all exclude each other")
    with engine(rings=True) as runtime, _explained():
        contact_id, flow = find(runtime, who), parts.merging(runtime)
        history = flow.history(contact_id)
        if row is not None:
            made = [flow.unmerge_row(contact_id, *_as_key(row), by)]
        elif join is not None:
            made = [flow.unmerge_join(_of(history, join), by)]
        elif everything:
            made = flow.unmerge_all(contact_id, by)
        else:
            _list(history)
            raise typer.Exit(1)
    numbers = ", ".join(str(one) for one in made) or "nobody"
    show({"contact": contact_id, "apart": made}, f"taken out of contact {contact_id}: {numbers}")


def _as_key(row: str) -> tuple[str, str]:
    crm, _, crm_id = row.partition(":")
    if not crm or not crm_id:
        raise WrongUsage(f"'{row}' is no row of a CRM; write it as `hubspot:42`")
    return crm, crm_id


def _of(history: History, join: int) -> int:
    if join not in {one.join_id for one in history.joins}:
        raise Failed(f"join {join} is none of contact {history.contact_id}'s that can be undone")
    return join


def _list(history: History) -> None:
    rows = [(f"{row.crm}:{row.crm_id}", row.full_name, row.phone, row.key, row.merged_at) for row in history.rows]
    joins = [(one.join_id, one.absorbed_id, one.full_name, one.phone, one.key, one.joined_at) for one in history.joins]
    show(
        asdict(history),
        table(f"{len(rows)} rows merged into contact {history.contact_id}", ("row", "name", "phone", "by", "at"), rows),
        table(f"{len(joins)} contacts joined to it", ("join", "was", "name", "phone", "by", "at"), joins),
    )


def suggestions(
    find_them: Annotated[bool, typer.Option("--find", help="Look at every contact again first.")] = False,
    accept: Annotated[int | None, typer.Option("--accept", help="This suggestion's two are one: merge them.")] = None,
    reject: Annotated[int | None, typer.Option("--reject", help="They are two; it is not suggested again.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    by: By = _TERMINAL,
    json: Json = False,
) -> None:
    """Contacts that look like one person, the likeliest first."""
    if sum((find_them, accept is not None, reject is not None)) > 1:
        raise WrongUsage("--find, --accept and --reject exclude each other")
    with engine(rings=accept is not None) as runtime, _explained():
        flow = parts.suggestions(runtime)
        if accept is not None:
            kept, join_id = flow.accept(accept, by)
            show({"contact": kept, "join": join_id}, f"contact {kept} is both now; join {join_id} can be undone")
        elif reject is not None:
            flow.reject(reject, by)
            show({"id": reject, "decision": "rejected"}, f"suggestion {reject} is not made again")
        else:
            _waiting(flow, limit, find_them)


def _waiting(flow: Suggestions, limit: int, find_them: bool) -> None:
    found = flow.find() if find_them else None
    waiting: list[dict[str, Any]] = [dict(row._mapping) for row in flow.waiting(limit)]
    rows = [[", ".join(one[name]) if name == "reasons" else one[name] for name in _LIKE] for one in waiting]
    pairs = [("pairs found", found)] if found is not None else []
    show({"found": found, "suggestions": waiting}, *([facts("", pairs)] if pairs else []), table("", _LIKE, rows))


@contextmanager
def _explained() -> Iterator[None]:
    """What is not there is a failure that says so."""
    try:
        yield
    except LookupError as error:
        raise Failed(str(error.args[0]) if error.args else "it is not there") from error
