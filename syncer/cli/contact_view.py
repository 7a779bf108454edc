"""`syncer contacts show` and `export`: what the engine knows of one customer."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.cli.output import Failed, Json, document, facts, show, table
from syncer.cli.session import engine
from syncer.domain.phone import Phone, parse
from syncer.flows.contacts.personal_data import PersonalData
from syncer.policies import provenance
from syncer.store import conflicts, consents, erasures, personal_data, traces

_MESSAGES = 10
_DOCUMENT = "person.json"
#: Numbers of contacts are shorter than any telephone number.
_LONGEST_CONTACT = 7
WORD = ("at", "tier", "word", "source", "proof")
DISPUTED = ("id", "crm", "crm_id", "field", "ours", "theirs", "kept")
SAID = ("occurred_at", "direction", "kind", "body", "status")

Who = Annotated[str, typer.Argument(help="A contact's number here, or a phone number in any writing.")]


def show_one(who: Who, json: Json = False) -> None:
    """What the engine knows of one customer: the golden record, where each field comes from, conflicts, consent, the
    last messages."""
    with engine() as runtime:
        found = _everything(runtime, find(runtime, who))
    person, words, said = found["contact"], found["consents"], found["messages"]
    leads = ", ".join(f"{kind} {value}" for kind, value in found["identities"])
    disputed = found["conflicts"]
    edits = [(name, one["value"], one["by"], one["at"]) for name, one in (person["edits"] or {}).items()]
    show(
        found,
        facts(f"contact {person['id']}", [*person.items(), ("identities", leads)]),
        facts("who says so", [(name, ", ".join(who)) for name, who in found["origins"].items()]),
        *([table("said on our side", ("field", "value", "by", "at"), edits)] if edits else []),
        *([table("conflicts", DISPUTED, [tuple(one.values()) for one in disputed])] if disputed else []),
        table("consent", WORD, [[word[name] for name in WORD] for word in words]),
        table("last messages", SAID, [[line[name] for name in SAID] for line in said]),
    )


def find(runtime: Runtime, who: str, *, departed: bool = False) -> int:
    """Whom an operator means: short numbers are contacts' own, anything longer is a telephone. `departed`: also
    somebody of whom only the journal of deleted rows is left. Raises `Failed`."""
    lookups = parts.lookups(runtime)
    number = int(who) if who.isdigit() and len(who) <= _LONGEST_CONTACT else None
    if number is not None and lookups.contact(number):
        return number
    with runtime.store.begin() as tx:
        gone = erasures.latest_of(tx, number) if number is not None else None
    if gone is not None:
        raise Failed(f"contact {who} was erased on {gone.erased_at:%Y-%m-%d %H:%M} (proof {gone.id})")
    found = lookups.contact_by_phone(who)
    if found is None and departed and isinstance(phone := parse(who, runtime.settings.default_region), Phone):
        with runtime.store.begin() as tx:
            found = traces.departed(tx, phone.e164)
    if not isinstance(found, int):
        raise Failed(f"nobody is known under {who}" + (f" ({found.value})" if found else ""))
    return found


def _everything(runtime: Runtime, contact_id: int) -> dict[str, Any]:
    lookups = parts.lookups(runtime)
    found = lookups.contact(contact_id)
    if found is None:
        raise Failed(f"there is no contact {contact_id}")
    with runtime.store.begin() as tx:
        words = consents.history(tx, contact_id)
        sources = personal_data.crm_rows(tx, contact_id)
        disputed = conflicts.open_conflicts(tx, contact_id=contact_id)
    said = lookups.conversation(contact_id, limit=_MESSAGES) or []
    contact = dict(found[0]._mapping)
    return {
        "contact": contact,
        "identities": [tuple(row) for row in found[1]],
        "origins": provenance.origins(contact, [dict(row._mapping) for row in sources]),
        "conflicts": [{name: getattr(row, name) for name in DISPUTED} for row in disputed],
        "consents": [{name: getattr(word, name) for name in WORD} for word in words],
        "messages": [{name: getattr(line, name) for name in SAID} for line in said],
    }


def export(
    who: Who,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the document and the files they sent.")] = None,
    json: Json = False,
) -> None:
    """Everything held about one customer as one JSON document: on stdout, or with --out as `person.json` in that
    folder, the files they sent beside it."""
    if out is not None and (out / _DOCUMENT).exists():
        raise Failed(f"there is an export in {out} already")
    with engine() as runtime:
        contact_id = find(runtime, who, departed=True)
        found = _exported(parts.personal_data(runtime), contact_id, out)
    if out is None:
        document(found)
        return
    rows = {name: len(some) for name, some in found["held"].items()}
    copied = sum(one["file"] is not None for one in found["files"])
    summary = {"contact_id": contact_id, "out": str(out / _DOCUMENT), "rows": rows, "files": copied}
    missing = f"{len(found['files']) - copied} files were never fetched or are gone"
    show(summary, facts(f"everything about contact {contact_id}", rows.items()), f"{copied} files copied; {missing}")


def _exported(flow: PersonalData, contact_id: int, out: Path | None) -> dict[str, Any]:
    """The document, and with `out` also there, for its owner's eyes only."""
    try:
        found = asdict(flow.export(contact_id, out))
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(out / _DOCUMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(orjson.dumps(found, default=_plain, option=orjson.OPT_INDENT_2))
    except LookupError as error:
        raise Failed(f"there is no contact {contact_id}") from error
    except OSError as error:
        raise Failed(f"the export cannot be written to {out}: {error}") from error
    return found


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
