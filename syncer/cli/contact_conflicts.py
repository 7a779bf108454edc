"""`syncer contacts conflicts`: fields on which a CRM and somebody else disagree, until a person has looked at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from syncer import parts
from syncer.cli.contact_view import find
from syncer.cli.output import Failed, Json, WrongUsage, show, table
from syncer.cli.session import engine
from syncer.flows.contacts.conflicts import OURS, THEIRS, Conflicts
from syncer.policies.editing import NotAcceptable
from syncer.store.conflicts import open_conflicts

_COLUMNS = ("id", "contact_id", "full_name", "crm", "crm_id", "field", "base", "ours", "theirs", "kept", "noticed_at")

_OF = typer.Option("--contact", help="Of one customer: a contact's number here, or a phone number in any writing.")
_SETTLE = typer.Option("--settle", help="Decide on the conflict with this number.")
_KEEP = typer.Option("--keep", help=f"Which is right: {OURS} or {THEIRS}.")
_VALUE = typer.Option("--value", help="What is right, where neither is.")
_BY = typer.Option("--by", help="Who decides.")
_LIMIT = typer.Option("--limit", min=1)


def conflicts(
    contact: Annotated[str | None, _OF] = None,
    settle: Annotated[int | None, _SETTLE] = None,
    keep: Annotated[str | None, _KEEP] = None,
    right: Annotated[str | None, _VALUE] = None,
    by: Annotated[str, _BY] = "command line",
    limit: Annotated[int, _LIMIT] = 100,
    json: Json = False,
) -> None:
    """Fields that both sides have changed at once, the oldest first. One word stands meanwhile (`kept`); --settle says
    which is right, and every CRM is told."""
    answers = [answer for answer in (keep, right) if answer is not None]
    if len(answers) != (settle is not None) or keep not in (None, OURS, THEIRS):
        raise WrongUsage(f"--settle NUMBER goes with --keep {OURS}|{THEIRS} or with --value VALUE")
    with engine(rings=settle is not None) as runtime:
        if settle is not None:
            value = _settle(parts.conflicts(runtime), settle, keep, right, by)
            show({"id": settle, "kept": keep, "value": value}, f"conflict {settle} is settled: {value}")
            return
        contact_id = None if contact is None else find(runtime, contact)
        with runtime.store.begin() as tx:
            waiting = open_conflicts(tx, contact_id=contact_id, limit=limit)
    _show(waiting)


def _settle(flow: Conflicts, number: int, keep: str | None, right: str | None, by: str) -> Any:
    try:
        return flow.settle_as(number, right, by) if keep is None else flow.settle(number, keep, by)
    except LookupError as error:
        raise Failed(f"there is no open conflict {number}") from error
    except NotAcceptable as error:
        raise Failed(f"{error}; it cannot be settled this way") from error


def _show(waiting: Sequence[Any]) -> None:
    found = [{name: getattr(row, name) for name in _COLUMNS} for row in waiting]
    rows = [[one[name] for name in _COLUMNS] for one in found]
    show({"conflicts": found}, table(f"{len(found)} wait for a person", _COLUMNS, rows))
