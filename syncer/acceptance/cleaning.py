"""What the engine's cleaning has made of the raw customer table, beside the truth it was made with (R3-R6)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from syncer.acceptance.customers import Expected
from syncer.acceptance.kpis import Value
from syncer.store.session import Store

_REACHABLE = "phone is not null and not blocked and transactional <> 'revoked'"
_PROMOTABLE = "phone is not null and not blocked and marketing = 'granted'"


def beside(store: Store, counts: Mapping[str, int], truth: Expected) -> list[tuple[str, Value, Value]]:
    """(figure, found, true) for each; `counts` are the first sync run's. Sets are compared member by member. People who
    share a number are one person to WhatsApp, and so to us."""
    same_number = truth.valid - truth.unique_phones
    invalid = sum(number for name, number in counts.items() if name.startswith("invalid:"))
    return [
        ("rows read", counts.get("seen", 0), truth.rows),
        ("rows that could not be read", counts.get("parked", 0), 0),
        ("rows without a number to send to", invalid, truth.dead),
        ("rows merged, the number being the same", counts.get("merged", 0), same_number),
        ("rows that refuse promotions or are blocked", counts.get("opted_out", 0), truth.opted_out + truth.blocked),
        ("people blocked", _count(store, "blocked"), truth.blocked),
        ("people", _count(store, "true"), truth.rows - same_number),
        _members("numbers for order confirmations", _numbers(store, _REACHABLE), set(truth.reachable)),
        _members("numbers for promotions", _numbers(store, _PROMOTABLE), set(truth.promotable)),
    ]


def _members(name: str, found: set[str], true: set[str]) -> tuple[str, Value, Value]:
    if found == true:
        return name, len(found), len(true)
    return name, f"{len(found):,}, {len(found - true)} of them wrong, {len(true - found)} missing", len(true)


def _count(store: Store, condition: str) -> int:
    with store.begin() as tx:
        return int(tx.execute(text(f"select count(*) from contacts where {condition}")).scalar_one())


def _numbers(store: Store, condition: str) -> set[str]:
    with store.begin() as tx:
        return set(tx.execute(text(f"select phone from contacts where {condition}")).scalars())
