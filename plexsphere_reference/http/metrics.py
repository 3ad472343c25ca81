"""Counters for ``/metrics``. prometheus_client is imported at the first scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Metric


@dataclass
class _Ingested:
    batches: int = 0
    size: int = 0
    records: int = 0
    lag_s: float = 0.0


class Metrics:
    """Counts responses by method and status, and accepted batches by signal."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._ingested: dict[str, _Ingested] = {}

    def count(self, method: str, status: int) -> None:
        self._answers[method, status] += 1

    def count_batch(self, signal: str, *, size: int, records: int, lag_s: float) -> None:
        """Count an accepted batch.

        Args:
            size: Bytes of the body as sent.
            lag_s: Seconds since the Node sent it, by the Node's clock; a negative lag counts as 0.
        """
        total = self._ingested.setdefault(signal, _Ingested())
        total.batches += 1
        total.size += size
        total.records += records
        total.lag_s += max(0.0, lag_s)

    def exposition(self) -> bytes:
        """Render the counts in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as prometheus_client's registry asks for them."""
        from prometheus_client.metrics_core import CounterMetricFamily, SummaryMetricFamily

        answers = CounterMetricFamily("plexsphere_http_requests", "Requests answered", labels=["method", "status"])
        for (method, status), count in self._answers.items():
            answers.add_metric([method, str(status)], count)
        size = CounterMetricFamily("plexsphere_ingest_bytes", "Bytes of accepted batches", labels=["signal"])
        records = CounterMetricFamily("plexsphere_ingest_records", "Records accepted", labels=["signal"])
        lag = SummaryMetricFamily("plexsphere_ingest_lag_seconds", "Time since a batch was sent", labels=["signal"])
        for signal, total in self._ingested.items():
            size.add_metric([signal], total.size)
            records.add_metric([signal], total.records)
            lag.add_metric([signal], total.batches, total.lag_s)
        yield from (answers, size, records, lag)
