"""Counters for ``/metrics``. prometheus_client is imported at the first scrape."""

from __future__ import annotations

from collections import Counter


class Metrics:
    """Counts responses by method and status."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()

    def count(self, method: str, status: int) -> None:
        self._answers[method, status] += 1

    def exposition(self) -> bytes:
        """Render the counts in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client import Counter as PrometheusCounter

        registry = CollectorRegistry()
        answers = PrometheusCounter(
            "plexsphere_http_requests", "Requests answered", ["method", "status"], registry=registry
        )
        for (method, status), count in self._answers.items():
            answers.labels(method, str(status)).inc(count)
        return generate_latest(registry)
