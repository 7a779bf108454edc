"""Figures of the exchanges with CRMs, of all workers together: the same whichever process answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from syncer.domain.tally import Tally
from syncer.monitoring.metrics import REGISTRY

_LABELS = ("crm", "kind")


class _Exchanges(Collector):
    """What was told last."""

    tallies: Sequence[Tally] = ()

    def collect(self) -> Iterator[Metric]:
        """The two metrics, for Prometheus."""
        requests = CounterMetricFamily("syncer_crm_requests", "Requests to CRMs; sql: transactions", labels=_LABELS)
        seconds = HistogramMetricFamily("syncer_crm_request_seconds", "How long their answers took", labels=_LABELS)
        for tally in self.tallies:
            requests.add_metric((tally.crm, tally.kind), tally.count)
            buckets = [(f"{bound:g}", count) for bound, count in tally.within.items()]
            seconds.add_metric((tally.crm, tally.kind), [*buckets, ("+Inf", tally.count)], tally.seconds)
        yield requests
        yield seconds


_EXCHANGES = _Exchanges()
REGISTRY.register(_EXCHANGES)


def told(tallies: Iterable[Tally]) -> None:
    """What is shown from now on."""
    _EXCHANGES.tallies = list(tallies)
