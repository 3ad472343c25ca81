"""Write samples to Mimir by Prometheus remote-write 1.0, and query them.

https://prometheus.io/docs/specs/prw/remote_write_spec/ (protobuf, compressed with Snappy's block format) and
https://grafana.com/docs/mimir/latest/references/http-api/.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from plexsphere_reference.observability.buffer import Batch
from plexsphere_reference.observability.upstream import Answer, Upstream
from plexsphere_reference.rules.ingest import MetricSample

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_:]")
_NOT_IN_LABELS: Final = re.compile(r"[^a-zA-Z0-9_]")
_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

Labels: TypeAlias = tuple[tuple[str, str], ...]


async def push(upstream: Upstream, batch: Batch, samples: Sequence[MetricSample], *, within_s: float) -> Answer:
    """Write a batch as its Domain.

    Raises:
        UpstreamUnavailable: Mimir gave no answer.
    """
    # In a thread: thousands of samples take longer than any request of the API should wait.
    content = await asyncio.to_thread(_write_request, batch, samples)
    return await upstream.send(
        "POST", "/api/v1/push", tenant=batch.domain_id, within_s=within_s, headers=_HEADERS, content=content
    )


async def query(upstream: Upstream, domain_id: UUID, parameters: Mapping[str, str], *, within_s: float) -> Answer:
    """Run an instant query, or a range query if *parameters* have a ``step``.

    Raises:
        UpstreamUnavailable: Mimir gave no answer.
    """
    path = "/prometheus/api/v1/query_range" if "step" in parameters else "/prometheus/api/v1/query"
    return await upstream.send("POST", path, tenant=domain_id, within_s=within_s, headers={}, data=dict(parameters))


def series_of(batch: Batch, samples: Sequence[MetricSample]) -> Mapping[Labels, Sequence[MetricSample]]:
    """Group samples by their labels, each group in the order of time.

    The platform's labels replace equal ones of the Node. Characters that Prometheus does not know in a name become
    underscores; a sample whose batch was acknowledged must not be lost for a dot.
    """
    ours = {"domain_id": str(batch.domain_id), "project_id": str(batch.project_id), "node_id": str(batch.node_id)}
    series: dict[Labels, list[MetricSample]] = {}
    for sample in samples:
        given = {_name(name, _NOT_IN_LABELS): value for name, value in sample.labels.items() if name and value}
        named = {**given, **ours, "group": sample.group, "__name__": _name(sample.name, _NOT_IN_NAMES)}
        series.setdefault(tuple(sorted(named.items())), []).append(sample)
    for each in series.values():
        each.sort(key=lambda sample: sample.timestamp)
    return series


def _write_request(batch: Batch, samples: Sequence[MetricSample]) -> bytes:
    from cramjam import snappy

    from plexsphere_reference.observability.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest

    request = WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[Label(name=name, value=value) for name, value in labels],
                samples=[Sample(value=each.value, timestamp=_milliseconds(each.timestamp)) for each in group],
            )
            for labels, group in series_of(batch, samples).items()
        ]
    )
    return bytes(snappy.compress_raw(request.SerializeToString()))


def _name(text: str, wrong: re.Pattern[str]) -> str:
    name = wrong.sub("_", text)
    return f"_{name}" if name[0].isdigit() else name


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
