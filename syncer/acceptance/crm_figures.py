"""What the scenario has measured of one CRM, held against what is asked, and all CRMs beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.table import Table

from syncer.acceptance import evidence, kpis
from syncer.acceptance.crm_traffic import Traffic
from syncer.acceptance.crm_world import Kept
from syncer.acceptance.evidence import Found
from syncer.acceptance.kpis import Check
from syncer.store.session import Store


@dataclass
class Figures:
    """One CRM's. Delays are seconds; None or an empty list is what was not measured, `absent` says why."""

    crm: str
    read_per_second: float | None = None
    written_per_second: float | None = None
    contacts: Found | None = None
    contacts_doubled: int = 0
    recorded: Found | None = None
    recorded_all: int = 0
    statuses: Found | None = None
    handoffs: Found | None = None
    answered: Found | None = None
    to_crm: list[float] = field(default_factory=list)
    to_reply_in_outage: list[float] = field(default_factory=list)
    caught_up: float | None = None
    replies: Found | None = None
    to_whatsapp: list[float] = field(default_factory=list)
    asked_per_thousand: float | None = None
    asked_for: str = ""
    at_rest_per_thousand: float | None = None
    lost: int | None = None
    doubled: int | None = None
    absent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Judged:
    """All sides; of the sends apart the agents' replies (text, when) and the engine's own."""

    traffic: Traffic
    messages: Sequence[Kept]
    bodies: Sequence[str]
    sends: Sequence[Mapping[str, Any]]
    theirs: Sequence[tuple[str, float]]
    ours: Sequence[Mapping[str, Any]]


def judge(
    figures: Figures,
    traffic: Traffic,
    messages: Sequence[Kept],
    bodies: Sequence[str],
    sends: Sequence[Mapping[str, Any]],
    written_at: Mapping[str, float],
    store: Store,
) -> None:
    """Hold what the CRM has in the end (`messages`, `bodies` of the handoffs) against what was said and sent;
    `written_at` is when the CRM recorded each message, by wamid."""
    spoken = traffic.spoken
    theirs, ours = _whose(traffic, sends)
    figures.recorded, figures.recorded_all = evidence.recorded(spoken, messages), len(messages)
    figures.statuses, figures.handoffs = evidence.statuses(sends, messages), evidence.handed_over(spoken, bodies)
    figures.answered = evidence.answered(spoken, ours)
    outside = [said for said in spoken if said.wamid in written_at and traffic.outside(said.at)]
    figures.to_crm = [written_at[said.wamid] - said.at for said in outside]
    figures.to_reply_in_outage = _replied(traffic, sends, store)
    figures.caught_up = traffic.caught_up_at - traffic.back_at
    if traffic.replies_absent:
        figures.absent["agent replies"] = traffic.replies_absent
    else:
        figures.replies, figures.to_whatsapp = _agents(traffic, theirs)
    thousands = max(1, len(messages)) / 1000
    figures.asked_per_thousand = traffic.asked.total() / thousands
    figures.asked_for = ", ".join(f"{round(number / thousands)} {what}" for what, number in traffic.asked.most_common())
    figures.at_rest_per_thousand = traffic.at_rest * traffic.seconds / thousands
    judged = _Judged(traffic, messages, bodies, sends, theirs, ours)
    figures.lost, figures.doubled = _lost(figures, judged), _doubled(figures, judged)


def _replied(traffic: Traffic, sends: Sequence[Mapping[str, Any]], store: Store) -> list[float]:
    during = [said for said in traffic.spoken if traffic.during(said.at)]
    return evidence.delays(during, sends, store).to_reply


def _whose(
    traffic: Traffic, sends: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[str, float]], list[Mapping[str, Any]]]:
    """Of the agents' replies what was sent (text, when), and the other sends. The company's name stands under some."""
    theirs, ours = [], []
    for send in sends:
        text = next((reply.text for reply in traffic.replies if str(send["text"]).startswith(reply.text)), None)
        if text is None:
            ours.append(send)
        else:
            theirs.append((text, float(send["accepted_at"])))
    return theirs, ours


def _agents(traffic: Traffic, sends: Sequence[tuple[str, float]]) -> tuple[Found, list[float]]:
    """Each of the agents' replies reached WhatsApp once, and when those did that were written outside the outage."""
    accepted, at = Counter(text for text, _ in sends), dict(sends)
    wrong = [
        f"{reply.text}: sent {accepted[reply.text]} times" for reply in traffic.replies if accepted[reply.text] != 1
    ]
    delays = [at[one.text] - one.at for one in traffic.replies if one.text in at and traffic.outside(one.at)]
    return Found(len(traffic.replies) - len(wrong), len(traffic.replies), tuple(wrong)), delays


def _lost(figures: Figures, judged: _Judged) -> int:
    """What is missing on either side: customers' and our messages and handoffs in the CRM, replies on WhatsApp."""
    kept = {row.wamid for row in judged.messages}
    missing = [said.wamid not in kept for said in judged.traffic.spoken] + [
        s["wamid"] not in kept for s in judged.sends
    ]
    wanted = Counter(said.line.body for said in judged.traffic.spoken if said.line.handoff)
    handoffs = (wanted - Counter(judged.bodies)).total()
    alike = (figures.answered, figures.contacts)
    never = len({reply.text for reply in judged.traffic.replies} - {text for text, _ in judged.theirs})
    return sum(missing) + handoffs + never + sum(found.of - found.right for found in alike if found is not None)


def _doubled(figures: Figures, judged: _Judged) -> int:
    """Records of one message too many, by wamid and by our reference; handoffs, sends, contacts too many."""
    by_wamid = Counter(row.wamid for row in judged.messages if row.wamid)
    by_ref = Counter(row.ref for row in judged.messages if row.ref)
    again = max(by_wamid.total() - len(by_wamid), by_ref.total() - len(by_ref))
    nobodys = sum(not row.wamid for row in judged.messages)
    wanted = Counter(said.line.body for said in judged.traffic.spoken if said.line.handoff)
    handoffs = (Counter(judged.bodies) - wanted).total()
    agents = len(judged.theirs) - len({text for text, _ in judged.theirs})
    return again + nobodys + handoffs + agents + len(evidence.doubled(judged.ours)) + figures.contacts_doubled


# Beside what is asked


def checks(one: Figures) -> list[Check]:
    """One CRM's lines, as CONTRACT.md has them; the ids begin with `crm.NAME.`."""
    lines = [
        kpis.at_most("lost", "lost", one.lost, "", standard=0, best=0),
        kpis.at_most("doubled", "doubled", one.doubled, "", standard=0, best=0),
        _of("contacts", "contacts alike on both sides", one.contacts),
        _of("recorded", "customer messages once in the CRM", one.recorded),
        _of("statuses", "statuses written back", one.statuses),
        _of("handoffs", "handoffs, each once", one.handoffs),
        _of("answered", "customers answered exactly once", one.answered),
        _of("agents", "agents' replies, each sent once", one.replies),
        _delay("to_crm", "WhatsApp to CRM, p99", one.to_crm, 0.99, 1.0),
        _delay("to_whatsapp", "CRM to WhatsApp, p99", one.to_whatsapp, 0.99, 2.0),
        _delay("reply_in_outage", "reply to a customer while the CRM is away, p99", one.to_reply_in_outage, 0.99, 5.0),
        kpis.at_most("caught_up", "caught up after the outage", one.caught_up, "s", standard=30, best=5),
        _plain("read", "contacts read", one.read_per_second, "/s"),
        _plain("written", "contacts written", one.written_per_second, "/s"),
        _plain("asked", "requests per 1,000 messages", one.asked_per_thousand, "").saying(one.asked_for),
        _plain("at_rest", "of them asking for news", one.at_rest_per_thousand, ""),
    ]
    return [_named(one, line) for line in lines]


def _named(one: Figures, line: Check) -> Check:
    why = {"agents": "agent replies", "to_whatsapp": "agent replies"}.get(line.id, line.id)
    detail = f"absent: {one.absent[why]}" if why in one.absent else line.detail
    return replace(line, id=f"crm.{one.crm}.{line.id}", name=f"{one.crm}: {line.name}", detail=detail)


def _of(check_id: str, name: str, found: Found | None) -> Check:
    share = kpis.share(found.right, found.of) if found else None
    line = kpis.at_least(check_id, name, share, "%", standard=100)
    if found is None:
        return line
    return line.saying(f"{found.right} of {found.of}" + (f"; {'; '.join(found.wrong[:3])}" if found.wrong else ""))


def _delay(check_id: str, name: str, values: Sequence[float], share: float, standard: float) -> Check:
    line = kpis.at_most(check_id, name, kpis.percentile(values, share), "s", standard=standard)
    middle = kpis.percentile(values, 0.5)
    return line if middle is None else line.saying(f"p50 {middle:.3f}, max {max(values):.3f} s, n {len(values)}")


def _plain(check_id: str, name: str, value: float | None, unit: str) -> Check:
    """A figure that is shown and has no pass line, but must be there."""
    return Check(check_id, name, None if value is None else round(value, 1), unit, ok=value is not None)


# All of them side by side

_ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("contacts read /s", lambda one: _number(one.read_per_second)),
    ("contacts written /s", lambda one: _number(one.written_per_second)),
    ("contacts alike, row by row", lambda one: _found(one.contacts)),
    ("messages recorded", lambda one: str(one.recorded_all) if one.recorded else "-"),
    ("customers' once and whole", lambda one: _found(one.recorded)),
    ("statuses written back", lambda one: _percent(one.statuses)),
    ("handoffs", lambda one: _found(one.handoffs)),
    ("WhatsApp -> CRM p50 / p99, s", lambda one: _spread(one.to_crm)),
    ("reply in the outage p50 / p99, s", lambda one: _spread(one.to_reply_in_outage)),
    ("caught up after the outage, s", lambda one: _number(one.caught_up, 1)),
    ("agents' replies sent once", lambda one: _found(one.replies)),
    ("CRM -> WhatsApp p50 / p99, s", lambda one: _spread(one.to_whatsapp)),
    ("requests per 1,000 messages", lambda one: _number(one.asked_per_thousand)),
    ("  of them asking for news", lambda one: _number(one.at_rest_per_thousand)),
    ("lost", lambda one: _number(one.lost)),
    ("doubled", lambda one: _number(one.doubled)),
)


def comparison(all_of_them: Sequence[Figures]) -> Table:
    """One column per CRM."""
    table = Table(title="Every CRM, the same scenario", title_justify="left", title_style="bold")
    table.add_column("")
    for one in all_of_them:
        table.add_column(one.crm, justify="right", no_wrap=True)
    for name, cell in _ROWS:
        table.add_row(name, *(cell(one) for one in all_of_them))
    return table


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _found(found: Found | None) -> str:
    return "-" if found is None else f"{found.right:,} of {found.of:,}"


def _percent(found: Found | None) -> str:
    share = kpis.share(found.right, found.of) if found else None
    return "-" if share is None else f"{share:.4g} %"


def _spread(values: Sequence[float]) -> str:
    middle, high = kpis.percentile(values, 0.5), kpis.percentile(values, 0.99)
    return "-" if middle is None or high is None else f"{middle:.2f} / {high:.2f}"
