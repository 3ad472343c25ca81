"""Push log lines and audit events to Loki as JSON, and query them.

https://grafana.com/docs/loki/latest/reference/loki-http-api/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from plexsphere_reference.observability.buffer import Batch
from plexsphere_reference.observability.upstream import Answer, Upstream
from plexsphere_reference.rules.ingest import AuditEvent, LogLine

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEADERS: Final = {"Content-Type": "application/json"}

Entry: TypeAlias = tuple[str, str, Mapping[str, str]]
"""Nanoseconds since 1970, the line, and its structured metadata."""


async def push(upstream: Upstream, batch: Batch, records: Sequence[LogLine | AuditEvent], *, within_s: float) -> Answer:
    """Write a batch as its Domain.

    Raises:
        UpstreamUnavailable: Loki gave no answer.
    """
    content = await asyncio.to_thread(_body, batch, records)
    return await upstream.send(
        "POST", "/loki/api/v1/push", tenant=batch.domain_id, within_s=within_s, headers=_HEADERS, content=content
    )


async def query(upstream: Upstream, domain_id: UUID, parameters: Mapping[str, str], *, within_s: float) -> Answer:
    """Run a range query.

    Raises:
        UpstreamUnavailable: Loki gave no answer.
    """
    return await upstream.send(
        "GET",
        "/loki/api/v1/query_range",
        tenant=domain_id,
        within_s=within_s,
        headers={},
        params=dict(parameters),
    )


def streams_of(batch: Batch, records: Sequence[LogLine | AuditEvent]) -> list[dict[str, object]]:
    """Group records into streams: one per Node, signal, and severity or source.

    What may have any value is structured metadata or part of the line, because every combination of stream labels is a
    stream of its own.
    """
    ours = {
        "signal": batch.signal,
        "domain_id": str(batch.domain_id),
        "project_id": str(batch.project_id),
        "node_id": str(batch.node_id),
    }
    streams: dict[tuple[str, str], list[Entry]] = {}
    for record in records:
        label, entry = _log_line(record) if isinstance(record, LogLine) else _audit_event(record)
        streams.setdefault(label, []).append(entry)
    return [{"stream": {**ours, name: value}, "values": entries} for (name, value), entries in streams.items()]


def _log_line(line: LogLine) -> tuple[tuple[str, str], Entry]:
    metadata = {name: value for name, value in (("unit", line.unit), ("hostname", line.hostname)) if value}
    return ("severity", line.severity), (_nanoseconds(line.timestamp), line.message, metadata)


def _audit_event(event: AuditEvent) -> tuple[tuple[str, str], Entry]:
    metadata = {"action": event.action, "outcome": event.outcome}
    line = msgspec.json.encode({"source": event.source, **metadata}).decode()
    return ("source", event.source), (_nanoseconds(event.timestamp), line, metadata)


def _body(batch: Batch, records: Sequence[LogLine | AuditEvent]) -> bytes:
    return msgspec.json.encode({"streams": streams_of(batch, records)})


def _nanoseconds(moment: datetime) -> str:
    return f"{(moment - _EPOCH) // _MICROSECOND}000"
