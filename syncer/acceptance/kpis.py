"""Figures beside what is asked of them: one line of a KPI table, of `syncer doctor` or of a report (R38).

Pure: what was measured goes in, a verdict comes out. `standard` is the customer's pass line, `best` the best figure
known in the industry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

Value = float | int | str | None

#: R31 and R32.
FIRST_REPLY_SECONDS, HANDOFF_SECONDS = 5, 20


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `id` is the requirement's (R20) or the thing's own name; `relation` reads `value relation standard`;
    `detail` says more where a person would ask."""

    id: str
    name: str
    value: Value
    unit: str = ""
    standard: Value = None
    best: Value = None
    ok: bool = True
    relation: str = ""
    detail: str = ""

    def row(self) -> dict[str, Any]:
        """As JSON: the keys of CONTRACT.md first."""
        return {
            "id": self.id,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "standard": self.standard,
            "best": self.best,
            "ok": self.ok,
            "relation": self.relation,
            "detail": self.detail,
        }

    def saying(self, detail: str) -> Check:
        """The same line with more to say."""
        return replace(self, detail=detail)

    @property
    def is_best(self) -> bool:
        """Whether a measured figure reaches the best one known."""
        if not isinstance(self.value, int | float) or not isinstance(self.best, int | float):
            return False
        return self.value >= self.best if self.relation == ">=" else self.value <= self.best


def at_least(
    check_id: str, name: str, value: float | None, unit: str, *, standard: float, best: float | None = None
) -> Check:
    """The more the better. A figure that could not be measured is no pass."""
    ok = value is not None and value >= standard
    return Check(check_id, name, _rounded(value), unit, standard, best, ok, ">=")


def at_most(
    check_id: str, name: str, value: float | None, unit: str, *, standard: float, best: float | None = None
) -> Check:
    """The less the better. A figure that could not be measured is no pass."""
    ok = value is not None and value <= standard
    return Check(check_id, name, _rounded(value), unit, standard, best, ok, "<=")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def document(checks: Iterable[Check]) -> dict[str, Any]:
    """The JSON of CONTRACT.md; nothing checked is not all well."""
    rows = [check.row() for check in checks]
    return {"checks": rows, "ok": bool(rows) and all(row["ok"] for row in rows)}


def percentile(values: Iterable[float], share: float) -> float | None:
    """The nearest-rank percentile; `share` from 0 to 1. None when there are no values."""
    ranked = sorted(values)
    return ranked[max(0, ceil(share * len(ranked)) - 1)] if ranked else None


def share(part: int, whole: int) -> float | None:
    """Per cent; None of nothing."""
    return 100 * part / whole if whole else None


def busiest_per_minute(moments: Sequence[float], seconds: float = 5.0) -> float:
    """How many per minute in the busiest span of so many seconds; `moments` are unix seconds in any order."""
    ranked = sorted(moments)
    most, start = 0, 0
    for end, moment in enumerate(ranked):
        while moment - ranked[start] >= seconds:
            start += 1
        most = max(most, end - start + 1)
    return most * 60 / seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """What the tour has measured. Delays are seconds per message, `acknowledged` milliseconds per webhook, counts are
    of messages."""

    delivered: int
    taken_for_living: int
    to_crm: Sequence[float]
    to_reply: Sequence[float]
    to_person: Sequence[float]
    recorded: int
    said: int
    per_minute: float
    recovery: float | None
    lost: int
    doubled: int
    acknowledged: Sequence[float]
    statuses_right: int
    statuses: int
    answered: int
    to_answer: int
    handed_over: int
    to_hand_over: int
    withdrawn: int
    to_withdraw: int
    first_sync: float | None
    second_sync: float | None


def table(m: Measured) -> list[Check]:
    """The KPI table of R38, then what else the tour promises."""
    delays = [*m.to_crm, *m.to_reply]
    delivered, recorded = share(m.delivered, m.taken_for_living), share(m.recorded, m.said)
    high = percentile(delays, 0.99)
    return [
        at_least("R38.delivery", "templates delivered to living numbers", delivered, "%", standard=99, best=99.9)
        .saying(f"{m.delivered} of {m.taken_for_living}"),
        at_most("R38.delay", "two-way delay, p99", high, "s", standard=3, best=0.8).saying(_spread(delays)),
        at_least("R38.completeness", "customer messages once in the CRM", recorded, "%", standard=99.5, best=99.98)
        .saying(f"{m.recorded} of {m.said}"),
        at_least("R38.peak", "messages carried in the busiest 5 s", m.per_minute, "/min", standard=1000, best=5000),
        at_most("R38.recovery", "recovery after a worker's sudden death", m.recovery, "s", standard=30, best=5),
        *_nothing_lost(m),
        *_in_time(m),
    ]  # fmt: skip


def _nothing_lost(m: Measured) -> list[Check]:
    answered, withdrawn = share(m.answered, m.to_answer), share(m.withdrawn, m.to_withdraw)
    statuses = share(m.statuses_right, m.statuses)
    return [
        at_most("R28.lost", "messages lost", m.lost, "", standard=0, best=0),
        at_most("R28.doubled", "messages sent or recorded twice", m.doubled, "", standard=0, best=0),
        at_least("R30", "answered exactly once", answered, "%", standard=100).saying(f"{m.answered} of {m.to_answer}"),
        at_least("X4", "STOPs in force in ledger and CRM", withdrawn, "%", standard=100)
        .saying(f"{m.withdrawn} of {m.to_withdraw}"),
        at_least("R23", "statuses in the CRM as the platform's last", statuses, "%", standard=100)
        .saying(f"{m.statuses_right} of {m.statuses}"),
    ]  # fmt: skip


def _in_time(m: Measured) -> list[Check]:
    quick = share(sum(delay <= FIRST_REPLY_SECONDS for delay in m.to_reply), m.to_answer)
    handed = share(min(m.handed_over, sum(delay <= HANDOFF_SECONDS for delay in m.to_person)), m.to_hand_over)
    acknowledged, to_crm = percentile(m.acknowledged, 0.99), percentile(m.to_crm, 0.99)
    return [
        at_most("R20", "webhook answered, p99", acknowledged, "ms", standard=200, best=30)
        .saying(_spread(m.acknowledged, "ms", 1)),
        at_most("R22", "customer message to CRM, p99", to_crm, "s", standard=5, best=0.8).saying(_spread(m.to_crm)),
        at_least("R31", "first reply within 5 s", quick, "%", standard=90).saying(_spread(m.to_reply)),
        at_least("R32", "handed to a person once, within 20 s", handed, "%", standard=100).saying(_spread(m.to_person)),
        at_most("R25.first", "first sync of all contacts", m.first_sync, "s", standard=10),
        at_most("R25.again", "second sync, nothing changed", m.second_sync, "s", standard=3),
    ]  # fmt: skip


def _spread(values: Sequence[float], unit: str = "s", digits: int = 3) -> str:
    if not values:
        return ""
    middle, high = percentile(values, 0.5), percentile(values, 0.99)
    return f"p50 {middle:.{digits}f}, p99 {high:.{digits}f}, max {max(values):.{digits}f} {unit}, n {len(values)}"
