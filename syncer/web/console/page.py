"""The page's parts, made from a picture. Every value goes through `escape`: names and reasons come from strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from syncer.domain.text import shorten
from syncer.flows.reports import Delays
from syncer.web.live import Picture

QUEUES = {
    "inbox": "Customers' messages to read",
    "outgoing": "Messages to send",
    "crm_writes": "Writes to the CRM",
    "retries": "Retries with a time set",
    "early_statuses": "Statuses ahead of their message",
}
#: R32: a complaint reaches a person within 20 s.
HANDOFF_WITHIN = timedelta(seconds=20)
_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Syncer</title><link rel="stylesheet" href="/assets/page.css"><link rel="icon" href="data:,">
<script src="/assets/console.js" defer></script></head>
<body><header><h1>Syncer</h1><span class="soft" id="at" role="status">{at}</span></header>
<main>{sections}</main></body></html>
"""


def render(picture: Picture) -> str:
    """The whole page; its script replaces the sections from then on."""
    made = sections(picture)
    body = "".join(f'<section id="{name}" class="{_WIDTHS[name]}">{html}</section>' for name, html in made.items())
    return _SHELL.format(at=escape(stamp(picture)), sections=body)


def stamp(picture: Picture) -> str:
    """When the figures were read."""
    return f"{picture.live.at:%Y-%m-%d %H:%M:%S} UTC"


def sections(picture: Picture) -> dict[str, str]:
    """Each section's HTML by its id."""
    return {name: draw(picture) for name, draw in _SECTIONS.items()}


def unreachable(reason: str) -> str:
    """The page while the database does not answer."""
    note = f'<section><p class="figure bad">No figures</p><p class="note">{escape(reason)}</p></section>'
    return _SHELL.format(at="", sections=note)


def _rate(picture: Picture) -> str:
    return _tile("Messages a minute", str(sum(picture.minutes[-2][1:])), "in the last full minute")


def _inbound(picture: Picture) -> str:
    return _delay("Customer to CRM", picture.live.inbound)


def _replies(picture: Picture) -> str:
    return _delay("Customer to reply", picture.live.replies)


def _errors(picture: Picture) -> str:
    live = picture.live
    kind = "bad" if live.error_rate > 0.005 else ""
    note = f"{live.failed:,} of {live.total:,} messages, 10 min"
    return _tile("Errors", f"{live.error_rate:.2%}", note, kind)


def _delay(title: str, delays: Delays) -> str:
    if delays.p50 is None or delays.p99 is None:
        return _tile(title, "–", "no messages in 10 min")
    note = f"median; p99 {_seconds(delays.p99)}, the latest {delays.count:,}"
    return _tile(title, _seconds(delays.p50), note, "warn" if delays.p99 > 3 else "")


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _tile(title: str, figure: str, note: str, kind: str = "") -> str:
    head, foot = f"<h2>{escape(title)}</h2>", f'<p class="note">{escape(note)}</p>'
    return f'{head}<p class="figure {kind}">{escape(figure)}</p>{foot}'


def _traffic(picture: Picture) -> str:
    """Two stacked bars for each of sixty minutes."""
    minutes = picture.minutes
    top = max([10, *(incoming + out for _, incoming, out in minutes)])
    bars = "".join(_bar(place, incoming, out, top) for place, (_, incoming, out) in enumerate(minutes))
    title = f"the busiest of the last {len(minutes)} minutes carried {max(i + o for _, i, o in minutes):,} messages"
    return (
        '<h2>Last hour <span class="key out">from us</span> <span class="key in">from customers</span></h2>'
        f'<svg viewBox="0 0 {len(minutes) * 10} 100" preserveAspectRatio="none" role="img" aria-label="{title}">'
        f'{bars}</svg><p class="note">{title}</p>'
    )


def _bar(place: int, incoming: int, out: int, top: int) -> str:
    low, high = 100 * incoming / top, 100 * out / top
    rect = '<rect class="{}" x="{}" width="8" y="{:.1f}" height="{:.1f}"/>'
    x = place * 10 + 1
    return rect.format("in", x, 100 - low, low) + rect.format("out", x, 100 - low - high, high)


def _waiting(picture: Picture) -> str:
    waiting = picture.live.waiting
    rows = [(escape(label), f"{waiting.get(name, 0):,}") for name, label in QUEUES.items()]
    return "<h2>Waiting now</h2>" + _table((), rows, numbers=(1,))


def _campaigns(picture: Picture) -> str:
    def row(campaign: Any) -> tuple[str, ...]:
        done = campaign.total - campaign.left
        bar = f'<progress max="{max(campaign.total, 1)}" value="{done}">{done} of {campaign.total}</progress>'
        return escape(campaign.name), _tight(campaign.state), bar, f"{done:,} / {campaign.total:,}"

    return _list("Campaigns", ("Name", "State", "", "Settled"), picture.campaigns, row, "none yet", numbers=(3,))


def _alerts(picture: Picture) -> str:
    def row(alert: Any) -> tuple[str, ...]:
        kind = "bad" if alert.level == "critical" else "warn"
        since = _tight(f"{alert.raised_at:%m-%d %H:%M}", kind)
        return _tight(escape(shorten(alert.key, 60))), escape(shorten(alert.message, 160)), since

    return _list("Alerts", ("About", "What", "Since"), picture.alerts, row, "none: nobody has to do anything")


def _failures(picture: Picture) -> str:
    def row(letter: Any) -> tuple[str, ...]:
        left = letter.deadline_at - picture.live.at
        hours = left.total_seconds() / 3600
        kind = "bad" if hours < 4 else "warn"
        due = _tight("overdue" if hours < 0 else f"{hours:.0f} h left", kind)
        return _tight(f"{letter.subject} {letter.subject_id}"), escape(shorten(letter.reason, 120)), due

    count = picture.live.waiting.get("dead_letters", 0)
    title = f"Dead letters ({count:,})" if count else "Dead letters"
    return _list(title, ("About", "Why", "Deadline"), picture.failures, row, "none: nothing waits for a person")


def _syncs(picture: Picture) -> str:
    def row(run: Any) -> tuple[str, ...]:
        spent = f"{(run.finished_at - run.started_at).total_seconds():.1f} s" if run.finished_at else "running"
        state = f'<span class="bad">{escape(shorten(run.error, 120))}</span>' if run.error else escape(run.state)
        return _when(run.started_at), escape(run.crm), state, escape(_counts(run.counts)), spent

    head = ("Begun", "CRM", "State", "Rows", "Took")
    return _list("Contact syncs", head, picture.sync_runs, row, "none yet", numbers=(4,))


def _handoffs(picture: Picture) -> str:
    def row(handoff: Any) -> tuple[str, ...]:
        late = picture.live.at - handoff.created_at > HANDOFF_WITHIN
        told = _tight("in the CRM") if handoff.told else _tight("not in the CRM yet", "warn" if late else "")
        who = handoff.full_name or handoff.phone or f"contact {handoff.contact_id}"
        return _when(handoff.created_at), escape(shorten(who, 40)), escape(shorten(handoff.reason, 120)), told

    head = ("When", "Customer", "Reason", "Task")
    return _list("Handed to a person", head, picture.handoffs, row, "none yet")


def _list(
    title: str,
    head: Sequence[str],
    items: Sequence[Any],
    row: Callable[[Any], Sequence[str]],
    empty: str,
    numbers: Sequence[int] = (),
) -> str:
    body = _table(head, [row(item) for item in items], numbers) if items else f'<p class="note">{escape(empty)}</p>'
    return f"<h2>{escape(title)}</h2>{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Cells are HTML already."""
    kinds = dict.fromkeys(numbers, ' class="number"')
    top = "".join(f"<th{kinds.get(i, '')}>{escape(name)}</th>" for i, name in enumerate(head))
    lines = ("".join(f"<td{kinds.get(i, '')}>{cell}</td>" for i, cell in enumerate(row)) for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"


def _when(moment: datetime) -> str:
    return _tight(f"{moment:%m-%d %H:%M}")


def _tight(text: str, kind: str = "") -> str:
    """Words that stay on one line."""
    return f'<span class="tight {kind}">{escape(text)}</span>'


def _counts(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in counts.items() if isinstance(value, int) and value)


_SECTIONS: dict[str, Callable[[Picture], str]] = {
    "rate": _rate,
    "inbound": _inbound,
    "replies": _replies,
    "errors": _errors,
    "alerts": _alerts,
    "traffic": _traffic,
    "waiting": _waiting,
    "campaigns": _campaigns,
    "failures": _failures,
    "handoffs": _handoffs,
    "syncs": _syncs,
}
_WIDTHS = {
    **dict.fromkeys(("rate", "inbound", "replies", "errors"), "tile"),
    **dict.fromkeys(("waiting", "campaigns", "failures", "handoffs"), "half"),
    "alerts": "",
    "traffic": "",
    "syncs": "",
}
