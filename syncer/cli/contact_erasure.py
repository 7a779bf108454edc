"""`syncer contacts erase`: a person is forgotten, and a proof of it is kept (GDPR Art. 17)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from syncer import parts
from syncer.cli.contact_view import Who, find
from syncer.cli.output import Failed, Json, WrongUsage, facts, note, show
from syncer.cli.session import engine

_STAYS = (
    "The CRMs were not told: their rows are the company's own, and the next sync reads them again. Erase them there "
    "too. Whoever is read in again is taken in as refusing marketing messages."
)

_YES = typer.Option("--yes", help="Really; it cannot be undone.")
_REASON = typer.Option("--reason", help="Why, for the proof; no personal data.")
_BY = typer.Option("--by", help="Who carries it out, for the proof.")


def erase(
    who: Who,
    yes: Annotated[bool, _YES] = False,
    reason: Annotated[str, _REASON] = "asked to be erased (GDPR Art. 17)",
    by: Annotated[str, _BY] = "command line",
    json: Json = False,
) -> None:
    """Remove everything held about one customer, their files too, and keep a proof without personal data. Without --yes
    it says what would go. Exit code 4 while something of theirs is being sent or handled."""
    with engine() as runtime:
        flow = parts.erasure(runtime)
        # What an erasure that was cut off has left, also where its contact is gone already.
        flow.finish()
        contact_id = find(runtime, who, departed=True)
        try:
            if not yes:
                counts = flow.preview(contact_id)
                raise WrongUsage(f"{_said(counts)} would go for good; say --yes to erase contact {contact_id}")
            done = flow.erase(contact_id, by, reason)
        except LookupError as error:
            raise Failed(f"there is no contact {contact_id}") from error
    if done.files_left:
        note(f"{done.files_left} files are removed as soon as no file is being fetched; the same command does it")
    show({**asdict(done), "note": _STAYS}, facts(f"contact {contact_id} is erased", _facts(asdict(done))), _STAYS)


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))


def _facts(done: dict[str, object]) -> list[tuple[str, object]]:
    counts = done.pop("counts")
    assert isinstance(counts, dict)
    return [*done.items(), *((f"rows of {name}", count) for name, count in sorted(counts.items()))]
