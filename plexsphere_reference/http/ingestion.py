"""Accept a batch of a Node: the gates of the ingest operations, in the contract's order.

The body's ``Content-Type`` is not checked: the contract lists every refusal of these operations, and none is about it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.request_body import read_capped
from plexsphere_reference.http.surfaces.nodes import require_own_id
from plexsphere_reference.observability.buffer import Batch, BufferUnavailable
from plexsphere_reference.rules import ingest
from plexsphere_reference.rules.ingest import InvalidBatch, Signal
from plexsphere_reference.store import nodes

_STATUSES: Final = {"ingest_body_too_large": 413, "ingest_batch_too_many_records": 413}
"""Of the codes of invalid batches; any other is a 400."""
_RETRY_AFTER_S: Final = 2


async def accept(call: Call, signal: Signal) -> Response:
    """Hand a batch to the ingest buffer.

    Raises:
        Problem: A gate refused the batch, or the buffer does not hold it.
    """
    node_id = require_own_id(call)
    try:
        gzipped = _is_gzip(call)
        sent_at = ingest.parse_sent_at(call.request.headers.get("x-plexsphere-sent-at"))
        body = await read_capped(call.request, call.body_rules, ingest.WIRE_CAP)
        _charge(call, len(body))
        records = ingest.parse(signal, ingest.inflate(body) if gzipped else body)
    except InvalidBatch as error:
        raise Problem(_STATUSES.get(error.code, 400), error.code, error.detail) from error
    project_id = await nodes.project_of(call.plane.database, node_id)
    if project_id is None:
        raise Problem(401, "nsk_invalid", "this Node is gone")
    await _publish(
        call,
        Batch(
            signal=signal,
            domain_id=call.caller.domain_id,
            project_id=project_id,
            node_id=node_id,
            body=body,
            gzipped=gzipped,
        ),
    )
    accepted_at = datetime.now(UTC)
    lag_s = (accepted_at - sent_at).total_seconds()
    call.plane.metrics.count_batch(signal, size=len(body), records=len(records), lag_s=lag_s)
    return call.json({"accepted_at": accepted_at, "records": len(records)}, status=202)


async def _publish(call: Call, batch: Batch) -> None:
    parts = call.plane.observability
    assert parts is not None, "these operations need PLEXSPHERE_OBS_NATS_URL"
    assert parts.buffer is not None
    try:
        await parts.buffer.publish(batch)
    except BufferUnavailable as error:
        detail = "the ingest buffer does not hold this batch; send it again shortly"
        headers = {"Retry-After": str(_RETRY_AFTER_S)}
        raise Problem(503, "ingest_buffer_unavailable", detail, headers=headers) from error


def _is_gzip(call: Call) -> bool:
    named = [
        name
        for value in call.request.headers.getlist("content-encoding")
        for part in value.split(",")
        if (name := part.strip().lower()) not in ("", "identity")
    ]
    if named not in ([], ["gzip"]):
        raise Problem(
            415,
            "ingest_encoding_unsupported",
            "Content-Encoding must be gzip or identity",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    return bool(named)


def _charge(call: Call, size: int) -> None:
    """Take the body's bytes from the Node's and its Domain's quota; a refused body costs neither."""
    parts = call.plane.observability
    assert parts is not None
    quotas = (
        (parts.per_node, call.caller.id, "per_node_rate_limited", "Node"),
        (parts.per_domain, call.caller.domain_id, "capacity_exceeded", "Domain"),
    )
    for quota, key, code, whose in quotas:
        if wait_s := quota.wait_for(key, size):
            detail = f"this {whose} has sent too many bytes"
            raise Problem(429, code, detail, headers={"Retry-After": str(math.ceil(wait_s))})
    for quota, key, _, _ in quotas:
        quota.take(key, size)
