"""`syncer campaigns`: one template to many customers."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.cli.campaign_sheet import Sheet, sheet_of
from syncer.cli.output import Failed, Json, WrongUsage, facts, note, show, table
from syncer.cli.session import engine
from syncer.domain.campaign import Recipient
from syncer.domain.errors import Refused
from syncer.domain.phone import Phone, parse
from syncer.domain.template import TemplateMismatch
from syncer.store import contacts, identities

app = typer.Typer(help="One template to many customers.", no_args_is_help=True)

#: Columns that may name the recipient: a number in any writing, or the contact's number here.
PHONE, CONTACT = "phone", "contact_id"
_MOST_NAMED = 5


@app.command()
def create(
    template: str,
    recipients: Annotated[Path, typer.Option("--recipients", "-r", help="CSV file; - for standard input.")],
    name: Annotated[str | None, typer.Option("--name")] = None,
    language: Annotated[str, typer.Option("--language", "-l")] = "zh_TW",
    header: Annotated[str | None, typer.Option("--header", help="Link or id of the medium above the body.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency key: the same one plans nothing new.")] = None,
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave out whom nobody knows.")] = False,
    json: Json = False,
) -> None:
    """Plan a campaign and ring for its batches. The CSV has a column `phone` or `contact_id` and one per value of the
    template, by its name in templates.toml (a template that is only the account's: by its variables)."""
    with engine(rings=True) as runtime:
        sheet = sheet_of(runtime, template, header)
        people, unknown = _read(runtime, recipients, sheet)
        if unknown and not skip_unknown:
            named = "; ".join(unknown[:_MOST_NAMED])
            raise Failed(f"{len(unknown)} lines name nobody that is known: {named} (--skip-unknown leaves them out)")
        for line in unknown:
            note(f"left out: {line}")
        if not people:
            raise Failed("the file names nobody to write to")
        try:
            campaign = runtime.campaigns.plan(name or template, template, language, people, key=key)
        except TemplateMismatch as error:
            raise Failed(str(error)) from error
        progress = runtime.campaigns.progress(campaign)
    show({**(progress or {}), "left_out": len(unknown)}, _drawn(progress or {}))


def _read(runtime: Runtime, path: Path, sheet: Sheet) -> tuple[list[Recipient], list[str]]:
    """The recipients, and the lines that name nobody we know."""
    people: dict[int, Recipient] = {}
    unknown = []
    with runtime.store.begin() as tx:
        for number, row in _rows(path, sheet.columns):
            given = (row.get(CONTACT) or "").strip()
            if given.isdigit() and contacts.by_ids(tx, [int(given)]):
                found: int | None = int(given)
            else:
                phone = parse(row.get(PHONE), runtime.settings.default_region)
                found = identities.by_phone(tx, phone.e164) if isinstance(phone, Phone) else None
            if found is None:
                unknown.append(f"line {number} ({given or row.get(PHONE) or 'empty'})")
            else:
                people[found] = sheet.recipient(found, {name: (row[name] or "").strip() for name in sheet.columns})
    return list(people.values()), unknown


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    if str(path) != "-" and not path.is_file():
        raise WrongUsage(f"there is no file {path}")
    with sys.stdin if str(path) == "-" else path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames or ()
        missing = [column for column in columns if column not in header]
        if PHONE not in header and CONTACT not in header:
            missing.append(f"{PHONE} (or {CONTACT})")
        if missing:
            raise WrongUsage(f"the file has no column {', '.join(missing)}; it has: {', '.join(header) or 'nothing'}")
        yield from enumerate(reader, 2)


@app.command("list")
def listing(limit: Annotated[int, typer.Option("--limit", min=1)] = 50, json: Json = False) -> None:
    """The latest campaigns."""
    with engine() as runtime:
        rows = [dict(row._mapping) for row in parts.lookups(runtime).campaigns(limit)]
    columns = ("id", "name", "template", "language", "state", "total", "left", "created_at")
    show({"campaigns": rows}, table(f"{len(rows)} campaigns", columns, [[row[c] for c in columns] for row in rows]))


@app.command("show")
def show_one(campaign: int, json: Json = False) -> None:
    """How far one campaign has come."""
    with engine() as runtime:
        progress = _known(runtime.campaigns.progress(campaign), campaign)
    show(progress, _drawn(progress))


@app.command()
def pause(campaign: int, json: Json = False) -> None:
    """Let nothing more leave; what is on its way goes on (exit code 4 when it is neither running nor held)."""
    with engine() as runtime:
        changed = runtime.campaigns.pause(campaign)
        progress = _known(runtime.campaigns.progress(campaign), campaign)
    if not changed:
        raise Refused(f"campaign {campaign} is {progress['state']}, not running")
    show(progress, _drawn(progress))


@app.command()
def resume(campaign: int, json: Json = False) -> None:
    """Go on with a paused campaign, or try a held one again (exit code 4 when it is neither, or its template may not be
    sent)."""
    with engine(rings=True) as runtime:
        changed = runtime.campaigns.resume(campaign)
        progress = _known(runtime.campaigns.progress(campaign), campaign)
    if not changed:
        raise Refused(f"campaign {campaign} is {progress['state']}, neither paused nor held")
    show(progress, _drawn(progress))


@app.command("retry-failed")
def retry_failed(campaign: int, json: Json = False) -> None:
    """Plan those once more whom it did not reach for a reason that a second try may heal; nobody twice."""
    with engine(rings=True) as runtime:
        try:
            found = asdict(parts.second_tries(runtime).retry_failed(campaign))
        except LookupError:
            raise Failed(f"there is no campaign {campaign}") from None
        progress = _known(runtime.campaigns.progress(campaign), campaign)
    drawn = ", ".join(f"{count} {name}" for name, count in found.items())
    show({**found, "campaign": progress}, drawn, _drawn(progress))


def _known(progress: dict[str, Any] | None, campaign: int) -> dict[str, Any]:
    if progress is None:
        raise Failed(f"there is no campaign {campaign}")
    return progress


def _drawn(progress: dict[str, Any]) -> Any:
    pairs = [(name, value) for name, value in progress.items() if not isinstance(value, dict)]
    for name in ("sends", "statuses"):
        pairs.append((name, ", ".join(f"{count} {state}" for state, count in sorted(progress.get(name, {}).items()))))
    return facts(f"campaign {progress.get('id')}", pairs)
