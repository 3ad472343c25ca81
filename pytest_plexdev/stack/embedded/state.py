"""How a running stack is: what its supervisor noted, and what each server answers now."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from pytest_plexdev.clock import unix_time
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.event_loop import run
from pytest_plexdev.stack.embedded import plane, readiness
from pytest_plexdev.stack.embedded.ending import describe_end
from pytest_plexdev.stack.embedded.layout import supervisor_of
from pytest_plexdev.stack.embedded.processes import last_lines
from pytest_plexdev.stack.embedded.readiness import Probe, ProbeError
from pytest_plexdev.stack.embedded.warm import warm_directory
from pytest_plexdev.stack.model import KEPT_MARK, Service, StackInfo, Verdict

_PATIENCE: Final = 2.0
"""Seconds that a running server gets to answer one question."""


def verdicts(info: StackInfo) -> list[Verdict]:
    """A verdict for each service, those that nothing runs for among them."""
    supervisor = supervisor_of(info.directory)
    if supervisor is None or not supervisor.is_alive:
        reason = "the stack's supervisor is gone, and every server with it"
        hint = "plexdev up" if _is_warm(info) else _how_to_go_on(info)
        return [Verdict(name=service.name, state="gone", reason=reason, hint=hint) for service in info.services]
    # In a thread of its own: the caller may be inside an event loop already.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(run, _ask_all(info)).result()


def _is_warm(info: StackInfo) -> bool:
    try:
        return info.directory == warm_directory()
    except PlexdevError:  # A user without a home has no warm stack, and may have a run's own.
        return False


def _how_to_go_on(info: StackInfo) -> str:
    """What ends a stack that is not whole; empty of a run's own, which ends it by itself."""
    if _is_warm(info):
        return "plexdev down --stack embedded && plexdev up"
    return f"plexdev down {_which(info)}" if (info.directory / KEPT_MARK).exists() else ""


def _which(info: StackInfo) -> str:
    """The option that makes a command speak of this stack, whatever else runs."""
    return "--stack embedded" if _is_warm(info) else f"--directory {shlex.quote(str(info.directory))}"


async def _ask_all(info: StackInfo) -> list[Verdict]:
    probes = _probes(info)
    return list(await asyncio.gather(*(_verdict(info, service, probes) for service in info.services)))


def _probes(info: StackInfo) -> Mapping[str, Probe]:
    at = info.endpoints
    probes = {
        plane.API: readiness.http(_port(at.api), "/readyz"),
        "dex": readiness.http(_port(at.issuer), f"{urlsplit(at.issuer).path}/.well-known/openid-configuration"),
        "nats": readiness.nats(at.nats or ""),
        "postgres": readiness.postgres_greeting(_port(at.database or "")),
        plane.SIGNER: readiness.grpc(at.signer or ""),
    }
    return {**probes, "spicedb": readiness.grpc(at.spicedb)} if at.spicedb else probes


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def _verdict(info: StackInfo, service: Service, probes: Mapping[str, Probe]) -> Verdict:
    if ended := _end_of(info, service):
        return ended
    probe = probes.get(service.name)
    if probe is None:
        return Verdict(name=service.name, state="ready", reason="done" if service.log else "a stand-in inside the API")
    try:
        async with asyncio.timeout(_PATIENCE):
            await probe()
    except (OSError, EOFError, ProbeError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        hint = f"plexdev logs {service.name} {_which(info)}"
        return Verdict(name=service.name, state="waiting", reason=reason, hint=hint)
    return Verdict(name=service.name, state="ready", since=unix_time() - info.started_at)


def _end_of(info: StackInfo, service: Service) -> Verdict | None:
    try:
        noted = json.loads((info.directory / "ends" / f"{service.name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    said = last_lines(service.log) if service.log else ""
    how, why = describe_end(noted["status"], said)
    return Verdict(
        name=service.name,
        state="gone",
        reason=f"ended with {how}: {why}" + (f"\n{said}" if said else ""),
        since=unix_time() - noted["at"],
        hint="; ".join(part for part in (f"read {service.log}", _how_to_go_on(info)) if part),
    )
