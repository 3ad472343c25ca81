"""Measure authorised, audited reads of the control plane: 32 keep-alive connections, the API on one core."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from benchmarks.figure import ROOT, Figure, plexdev_argv, require_warm_ports, seconds_of
from pytest_plexdev.core.model import StackInfo

_CONNECTIONS: Final = 32
_SECONDS: Final = 5.0
_REPEATS: Final = 3


def run() -> Sequence[Figure]:
    """Load ``GET /v1/domains/{id}``, then check that every answered read has its audit row.

    Raises:
        LeftOut: Another stack uses the ports.
    """
    require_warm_ports()
    with tempfile.TemporaryDirectory() as state:
        environment = {"PLEXDEV_STATE_DIR": state}
        seconds_of(plexdev_argv("up"), cwd=ROOT, environment=environment)
        try:
            info = _stack(Path(state))
            rates, slowest = _measure(info, _sign_in(environment))
        finally:
            seconds_of(plexdev_argv("down", "--stack", "embedded"), cwd=ROOT, environment=environment)
    return [
        Figure(
            what="authorised reads, one core",
            samples=rates,
            unit="/s",
            promise=2000,
            at_least=True,
            reference="545/s with a commit for each audit row",
        ),
        Figure(what="their p99 at 32 connections", samples=slowest, unit="ms", promise=20, reference="—"),
    ]


def _stack(state: Path) -> StackInfo:
    return StackInfo.read(next(state.rglob("stack.json")))


def _sign_in(environment: Mapping[str, str]) -> str:
    """Log in as the seeded admin and return the token from the state directory."""
    seconds_of(plexdev_argv("login", "--auto"), cwd=ROOT, environment=environment)
    kept = next((Path(environment["PLEXDEV_STATE_DIR"]) / "credentials").glob("*.json"))
    credentials = json.loads(kept.read_text(encoding="utf-8"))
    token: str = credentials["by_domain"][credentials["current"]]["token"]
    return token


def _measure(info: StackInfo, token: str) -> tuple[list[float], list[float]]:
    _pin(info)
    domain = info.tenants[0].domain_id
    with httpx.Client(base_url=info.endpoints.api, headers={"Authorization": f"Bearer {token}"}) as client:
        answered = 0
        rates, slowest = [], []
        before = _audited(client, domain)
        for _ in range(_REPEATS):
            latencies = asyncio.run(_load(info.endpoints.api, f"/v1/domains/{domain}", token))
            answered += len(latencies)
            rates.append(len(latencies) / _SECONDS)
            slowest.append(1000 * sorted(latencies)[int(0.99 * len(latencies))])
        audited = _audited(client, domain) - before - 1
    if audited < answered:
        raise SystemExit(f"{answered} reads were answered and only {audited} audited")
    return rates, slowest


def _audited(client: httpx.Client, domain: object) -> int:
    verified = client.post(f"/v1/domains/{domain}/audit/verify", timeout=300).json()
    if not verified["ok"]:
        raise SystemExit(f"the audit chain does not verify: {verified}")
    newest: int = verified["segment_to"]
    return newest


def _pin(info: StackInfo) -> None:
    api = next(service for service in info.services if service.name == "plexsphere")
    if api.pid is not None and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(api.pid, {0})
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)))


async def _load(origin: str, path: str, token: str) -> list[float]:
    url = httpx.URL(origin)
    request = f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    until = time.perf_counter() + _SECONDS
    workers = [_connection(url, request, until) for _ in range(_CONNECTIONS)]
    return [latency for each in await asyncio.gather(*workers) for latency in each]


async def _connection(url: httpx.URL, request: bytes, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    latencies = []
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(head.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - began)
    writer.close()
    return latencies
