"""Telemetry: batches of a Node, and queries of a Domain's metrics and logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.request_body import GzipBody
from pytest_plexdev.api.timestamp import Timestamp, encode_timestamp
from pytest_plexdev.api.transport import Transport
from pytest_plexdev.core.clock import unix_time

__tracebackhide__ = hides_its_frames


class MetricSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample of a metric.

    Attributes:
        group: ``node_resources``, ``tunnel_health``, ``peer_latency`` or ``agent_stats``.
        timestamp: By default the time of sending.

    Example::

        from pytest_plexdev import MetricSample

        def test_a_sample_is_accepted(plexdev_node, plexdev_metrics):
            receipt = plexdev_node.send_metrics(MetricSample(name="cpu_seconds_total", value=1.5))
            assert receipt.records == 1
    """

    name: str
    value: float
    group: str = "node_resources"
    labels: dict[str, str] = {}
    timestamp: Timestamp | None = None


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A log line.

    Attributes:
        severity: A keyword of syslog, from ``emerg`` to ``debug``.
        unit: The systemd unit or file that it is from.
        timestamp: By default the time of sending.

    Example::

        from pytest_plexdev import LogLine

        def test_an_error_is_logged(plexdev_node, plexdev_logs):
            plexdev_node.send_logs(LogLine(message="tunnel lost", severity="err", unit="plexd.service"))
            entry = plexdev_logs.wait_for('{severity="err"}')
            assert entry.line == "tunnel lost"
    """

    message: str
    severity: str = "info"
    unit: str = ""
    hostname: str = ""
    timestamp: Timestamp | None = None


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An audit event of a Node.

    Attributes:
        source: ``auditd`` or ``k8s``.
        timestamp: By default the time of sending.

    Example::

        from pytest_plexdev import AuditEvent

        def test_an_audit_event_is_stored(plexdev_node, plexdev_logs):
            plexdev_node.send_audit(AuditEvent(action="execve", outcome="failure"))
            entry = plexdev_logs.wait_for('{signal="audit"} | json | outcome="failure"')
            assert entry.labels["action"] == "execve"
    """

    action: str
    outcome: str = "success"
    source: str = "auditd"
    timestamp: Timestamp | None = None


RecordT = TypeVar("RecordT", MetricSample, LogLine, AuditEvent)


class IngestReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a batch that the ingest buffer holds."""

    accepted_at: Timestamp
    records: int


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a backend. ``body`` is the JSON text of Mimir or Loki, as the backend sent it."""

    status_code: int
    body: str


class Observability:
    """Telemetry of Nodes and Domains."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send_metrics(self, node_id: str, samples: Sequence[MetricSample]) -> IngestReceipt:
        """Send a batch of samples. The principal must be the Node itself (NSK)."""
        now = _now()
        content = msgspec.json.encode([_with_time(each, now) for each in samples], enc_hook=encode_timestamp)
        return self._send(f"/v1/nodes/{node_id}/metrics", GzipBody(content, "application/json"), now)

    def send_logs(self, node_id: str, lines: Sequence[LogLine]) -> IngestReceipt:
        """Send a batch of log lines. The principal must be the Node itself (NSK)."""
        return self._send_lines(f"/v1/nodes/{node_id}/logs", lines)

    def send_audit(self, node_id: str, events: Sequence[AuditEvent]) -> IngestReceipt:
        """Send a batch of audit events. The principal must be the Node itself (NSK)."""
        return self._send_lines(f"/v1/nodes/{node_id}/audit", events)

    def query_metrics(
        self,
        domain_id: str,
        query: str,
        *,
        time: datetime | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        step: str | None = None,
    ) -> QueryResult:
        """Run a PromQL query: an instant one at *time*, or a range query.

        Args:
            time: By default the current time, if there is no *start*.
            step: A duration such as ``30s``.
        """
        if time is None and start is None:
            time = _now()
        moments = {"time": time, "start": start, "end": end}
        parameters = {name: None if value is None else value.isoformat() for name, value in moments.items()}
        return self._transport.request(
            "GET",
            f"/v1/domains/{domain_id}/metrics/query",
            QueryResult,
            parameters={"query": query, "step": step, **parameters},
        )

    def query_logs(
        self,
        domain_id: str,
        query: str,
        *,
        start: datetime,
        end: datetime,
        limit: int | None = None,
        direction: str | None = None,
    ) -> QueryResult:
        """Run a LogQL query of a period.

        Args:
            limit: The number of lines; 100 by default, 5,000 at most.
            direction: ``backward``, the default, begins with the newest line; ``forward`` with the oldest.
        """
        parameters = {"query": query, "start": start.isoformat(), "end": end.isoformat()}
        return self._transport.request(
            "GET",
            f"/v1/domains/{domain_id}/logs/query",
            QueryResult,
            parameters={**parameters, "limit": limit, "direction": direction},
        )

    def _send_lines(self, path: str, records: Iterable[RecordT]) -> IngestReceipt:
        now = _now()
        lines = [msgspec.json.encode(_with_time(each, now), enc_hook=encode_timestamp) + b"\n" for each in records]
        return self._send(path, GzipBody(b"".join(lines), "application/x-ndjson"), now)

    def _send(self, path: str, body: GzipBody, now: datetime) -> IngestReceipt:
        headers = {"X-Plexsphere-Sent-At": now.isoformat()}
        return self._transport.request("POST", path, IngestReceipt, body=body, headers=headers)


def _with_time(record: RecordT, now: datetime) -> RecordT:
    return record if record.timestamp is not None else msgspec.structs.replace(record, timestamp=now)


def _now() -> datetime:
    return datetime.fromtimestamp(unix_time(), UTC)
