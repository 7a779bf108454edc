"""`syncer consent`: what customers have said about being written to, and asking them (R7, X4)."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from syncer import parts
from syncer.cli.contact_view import Who, find
from syncer.cli.output import Failed, Json, WrongUsage, facts, note, show, table
from syncer.cli.session import engine
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.errors import Refused
from syncer.domain.text import storable
from syncer.flows.consent import Dossier
from syncer.flows.opt_in import OptIn

app = typer.Typer(help="What customers have said about being written to.", no_args_is_help=True)

WORD = ("at", "tier", "word", "source", "proof", "explicit", "recorded_at")
QUESTION = ("asked_at", "tier", "state", "send_state", "asked_by", "proof", "wamid", "answer", "answered_at")

Of = Annotated[Tier, typer.Option("--tier", help="What the word is about.")]
Proof = Annotated[str, typer.Option("--proof", help="Where it can be seen: a form's address, a recording, a letter.")]
Source = Annotated[str, typer.Option("--source", help="How it reached us, such as form:newsletter or call.")]
At = Annotated[str | None, typer.Option("--at", help="When they said it, as 2026-11-23T10:00+08:00; now if left out.")]


@app.command()
def grant(
    who: Who, proof: Proof, tier: Of = Tier.MARKETING, source: Source = "desk", at: At = None, json: Json = False
) -> None:
    """Enter a customer's yes. With double opt-in they are asked to confirm it."""
    _enter(who, Word.GRANTED, tier, source, proof, at)


@app.command()
def revoke(
    who: Who, proof: Proof, tier: Of = Tier.MARKETING, source: Source = "desk", at: At = None, json: Json = False
) -> None:
    """Enter a customer's no. A no to notices (transactional) is one to offers too."""
    _enter(who, Word.REVOKED, tier, source, proof, at)


@app.command()
def history(who: Who, json: Json = False) -> None:
    """Where a customer stands, every word with its proof, and every question they were asked."""
    with engine() as runtime:
        _show(parts.consent(runtime).dossier(find(runtime, who)))


@app.command()
def ask(
    who: Annotated[str | None, typer.Argument(help="A contact's number here, or a phone number.")] = None,
    proof: Annotated[str | None, typer.Option("--proof", help="Where the ticked box can be seen.")] = None,
    source: Source = "desk",
    tier: Of = Tier.MARKETING,
    unconfirmed: Annotated[
        int | None, typer.Option("--unconfirmed", min=1, help="So many of those never asked, instead of one customer.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask over WhatsApp for the second step of a double opt-in. Exit code 4 when somebody must not be asked."""
    if (who is None) == (unconfirmed is None) or (who is not None and proof is None):
        raise WrongUsage("give one customer with --proof, or --unconfirmed NUMBER")
    with engine(rings=True) as runtime:
        questions = parts.opt_in(runtime)
        if who is not None:
            contact_id = find(runtime, who)
            number = questions.ask(contact_id, tier, _by(source), storable(proof or ""))
            result: dict[str, Any] = {"contact_id": contact_id, "question": number}
        else:
            result = _ask_many(questions, unconfirmed or 0, _by(source))
    show(result, facts("asked", result.items()))


def _ask_many(questions: OptIn, limit: int, by: str) -> dict[str, Any]:
    waiting = questions.unconfirmed(limit)
    refused = {}
    for contact_id in waiting:
        try:
            questions.ask(contact_id, Tier.MARKETING, by, "the yes in the ledger")
        except Refused as refusal:
            refused[contact_id] = str(refusal)
            note(str(refusal))
    return {"asked": len(waiting) - len(refused), "refused": refused}


def _enter(who: str, word: Word, tier: Tier, source: str, proof: str, at: str | None) -> None:
    if not proof.strip():
        raise WrongUsage("--proof is empty: a word that nobody can look up is none")
    with engine(rings=True) as runtime:
        said_at = _moment(at, runtime.clock.now())
        contact_id = find(runtime, who)
        entry = ConsentEntry(contact_id, tier, word, said_at, _by(source), storable(proof), explicit=True)
        desk = parts.consent(runtime)
        try:
            holds = desk.record(entry)
        except LookupError as error:
            raise Failed(f"there is no contact {who}") from error
        found = desk.dossier(contact_id)
    if holds is not word:
        note(f"an explicit word of later than {said_at.isoformat()} holds: {tier} is {holds}")
    _show(found)


def _by(source: str) -> str:
    """Whoever is at the terminal answers for the word."""
    return storable(f"cli:{getpass.getuser()}:{source}")


def _moment(text: str | None, now: datetime) -> datetime:
    """When it was said; the past, with its zone."""
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUsage(f"--at: {text!r} is no moment like 2026-11-23T10:00+08:00") from error
    if at.tzinfo is None:
        raise WrongUsage(f"--at: {text!r} does not say its zone; add +08:00 or Z")
    if at > now + timedelta(minutes=1):
        raise WrongUsage(f"--at: {text!r} is yet to come")
    return at.astimezone(UTC)


def _show(found: Dossier) -> None:
    words = _rows(found.words, WORD)
    questions = _rows(found.questions, QUESTION)
    standing = {str(tier): str(standing) for tier, standing in found.standings.items()}
    show(
        {"contact_id": found.contact_id, "standing": standing, "words": words, "questions": questions},
        facts(f"contact {found.contact_id}", standing.items()),
        table("words", WORD, [list(row.values()) for row in words]),
        *([table("questions", QUESTION, [list(row.values()) for row in questions])] if questions else []),
    )


def _rows(found: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: getattr(row, name) for name in names} for row in found]
