"""Figures for Prometheus, `syncer_` before each name. One process tells of itself; Prometheus adds the processes up.

What concerns the whole engine (rows that wait) is read from the database when it is asked for, and is the same
whichever process answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry()
ProcessCollector(namespace="syncer", registry=REGISTRY)

_DELIVERIES = Counter(
    "syncer_webhook_deliveries", "Webhook deliveries by their answer", ("source", "answer"), registry=REGISTRY
)
_ACK = Histogram(
    "syncer_webhook_ack_seconds",
    "From a delivery's headers to its answer (R20: under 0.2 s)",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2, 0.5, 1, 5),
    registry=REGISTRY,
)
_ITEMS = Counter("syncer_inbox_items", "Webhook items, new or known already", ("fate",), registry=REGISTRY)
_COMMIT_ITEMS = Histogram(
    "syncer_commit_items",
    "Webhook items stored by one transaction",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
    registry=REGISTRY,
)
_COMMIT_SECONDS = Histogram(
    "syncer_commit_seconds",
    "Duration of a transaction that stores webhook items",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
_WAITING = Gauge("syncer_waiting_rows", "Rows that somebody still has to handle", ("queue",), registry=REGISTRY)
_DEAD_LETTERS = Gauge("syncer_dead_letters", "Dead letters that wait for a person (R26)", registry=REGISTRY)
_ALERTS = Gauge("syncer_open_alerts", "Troubles that last and that a person should know of", registry=REGISTRY)
_CRM_OPEN = Gauge(
    "syncer_crm_open", "1 while a CRM does not serve and is left in peace; its writes wait", ("crm",), registry=REGISTRY
)
_DATABASE_UP = Gauge("syncer_database_up", "1 if the engine's database answered last time", registry=REGISTRY)

#: What waits for a person rather than for a worker.
_OWN = {"dead_letters": _DEAD_LETTERS, "alerts": _ALERTS}
_NEW, _KNOWN = _ITEMS.labels("new"), _ITEMS.labels("known")
_answers: dict[tuple[str, int], Counter] = {}


def answered(source: str, status: int, seconds: float) -> None:
    """One delivery of `source` was answered with an HTTP status after so many seconds."""
    counter = _answers.get((source, status))
    if counter is None:
        counter = _answers[source, status] = _DELIVERIES.labels(source, str(status))
    counter.inc()
    _ACK.observe(seconds)


def committed(*, items: int, added: int, seconds: float) -> None:
    """One transaction stored `items` webhook items, of which `added` were not known yet."""
    _NEW.inc(added)
    _KNOWN.inc(items - added)
    _COMMIT_ITEMS.observe(items)
    _COMMIT_SECONDS.observe(seconds)


def waiting(rows: Mapping[str, int] | None) -> None:
    """How many rows wait, by queue; None when the database did not answer."""
    _DATABASE_UP.set(rows is not None)
    if rows is None:
        _WAITING.clear()
        return
    for queue, count in rows.items():
        (_OWN[queue] if queue in _OWN else _WAITING.labels(queue)).set(count)


def crms(names: Iterable[str], away: Collection[str]) -> None:
    """Which CRMs there are, and which of them do not serve."""
    for name in names:
        _CRM_OPEN.labels(name).set(name in away)


def exposition() -> bytes:
    """Everything, in Prometheus' text format."""
    return generate_latest(REGISTRY)
