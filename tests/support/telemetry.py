"""Batches of Nodes, and a plane whose ingest buffer and backends a test may stop."""

from __future__ import annotations

import gzip
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.support.control_plane import Plane
from tests.support.enrolment import Agent
from tests.support.recording_backend import RecordingBackend
from tests.support.servers import NatsServer

SIGNALS = ("metrics", "logs", "audit")


@dataclass(frozen=True)
class Rig:
    """A plane with a real NATS, and a recording server in the place of each backend."""

    plane: Plane
    nats: NatsServer
    mimir: RecordingBackend
    loki: RecordingBackend


def sample(**members: Any) -> dict[str, Any]:
    return {"group": "node_resources", "name": unique_metric(), "value": 1.5, "timestamp": now(), **members}


def line(**members: Any) -> dict[str, Any]:
    return {"severity": "info", "message": f"line {secrets.token_hex(6)}", "timestamp": now(), **members}


def event(**members: Any) -> dict[str, Any]:
    return {
        "source": "auditd",
        "action": f"execve-{secrets.token_hex(6)}",
        "outcome": "success",
        "timestamp": now(),
        **members,
    }


def record(signal: str, **members: Any) -> dict[str, Any]:
    """A record that is valid, and unlike any other."""
    return {"metrics": sample, "logs": line, "audit": event}[signal](**members)


def encoded(signal: str, records: Sequence[Mapping[str, Any]]) -> bytes:
    if signal == "metrics":
        return json.dumps(records).encode()
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def send(agent: Agent, signal: str, *records: Mapping[str, Any], **headers: str | None) -> httpx.Response:
    """Send a batch, compressed."""
    return send_bytes(agent, signal, gzip.compress(encoded(signal, records)), **headers)


def send_bytes(
    agent: Agent, signal: str, body: bytes, *, node_id: str | None = None, **headers: str | None
) -> httpx.Response:
    """Send a body; an underscore in a header's name stands for a hyphen, and the value ``None`` omits the header."""
    named: dict[str, str | None] = {
        "Content-Type": "application/json" if signal == "metrics" else "application/x-ndjson",
        "Content-Encoding": "gzip",
        "X-Plexsphere-Sent-At": now(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return agent.client.post(
        f"/v1/nodes/{node_id or agent.id}/{signal}",
        content=body,
        headers={**agent.headers, **{name: value for name, value in named.items() if value is not None}},
    )


def now() -> str:
    return datetime.now(UTC).isoformat()


def unique_metric() -> str:
    return f"metric_{secrets.token_hex(6)}"


def query_logs(client: httpx.Client, domain_id: str, query: str, **parameters: str) -> httpx.Response:
    """Query the last hour."""
    moment = time.time()
    window = {"start": _iso(moment - 3600), "end": _iso(moment + 60)}
    return client.get(f"/v1/domains/{domain_id}/logs/query", params={"query": query, **window, **parameters})


def query_metrics(client: httpx.Client, domain_id: str, query: str, **parameters: str) -> httpx.Response:
    """Query the present, or the range of the parameters."""
    instant = {} if "start" in parameters else {"time": _iso(time.time() + 1)}
    return client.get(f"/v1/domains/{domain_id}/metrics/query", params={"query": query, **instant, **parameters})


def result_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The series or streams of a query."""
    assert response.status_code == 200, response.text
    result: list[dict[str, Any]] = json.loads(response.json()["body"])["data"]["result"]
    return result


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
