"""Determine the verdicts of a running stack from its supervisor's records and by probing each server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.event_loop import run
from pytest_plexdev.core.model import KEPT_MARK, Service, StackInfo, Verdict
from pytest_plexdev.core.ownership.lock import is_owned, look
from pytest_plexdev.core.private_files import damaged
from pytest_plexdev.stack.embedded import probes as readiness
from pytest_plexdev.stack.embedded.exit_records import ServerEnd, read_end
from pytest_plexdev.stack.embedded.layout import stack_file
from pytest_plexdev.stack.embedded.owner import is_warm, recovery_command, which_stack
from pytest_plexdev.stack.embedded.probes import Probe, ProbeError
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.servers.further import further_servers

_PROBE_TIMEOUT_S: Final = 2.0


def verdicts(info: StackInfo) -> list[Verdict]:
    """Return a verdict for each service, including those without a process."""
    if not is_owned(info.directory):
        reason = "the stack's supervisor is gone, and every server with it"
        hint = info.up_command if is_warm(info.directory) else _recovery_hint(info)
        return [Verdict(name=service.name, state="gone", reason=reason, hint=hint) for service in info.services]
    # In another thread, because the caller may already be inside an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(run, _probe_all(info)).result()


def _recovery_hint(info: StackInfo) -> str:
    """The command that stops an incomplete stack; empty for a run's own stack, which the run stops."""
    outlives_run = is_warm(info.directory) or (info.directory / KEPT_MARK).exists()
    return recovery_command(info.directory, info.up_command) if outlives_run else ""


async def _probe_all(info: StackInfo) -> list[Verdict]:
    probes = _probes(info)
    return list(await asyncio.gather(*(_verdict(info, service, probes) for service in info.services)))


def _probes(info: StackInfo) -> Mapping[str, Probe]:
    at = info.endpoints
    try:
        probes = {
            control_plane.API: readiness.http(_port(at.api), "/readyz"),
            "dex": readiness.http(_port(at.issuer), f"{urlsplit(at.issuer).path}/.well-known/openid-configuration"),
            "nats": readiness.nats(at.nats or ""),
            "postgres": readiness.postgres_greeting(_port(at.database or "")),
            control_plane.SIGNER: readiness.grpc(at.signer or ""),
        }
        if at.spicedb:
            probes["spicedb"] = readiness.grpc(at.spicedb)
        if at.further:
            servers = further_servers()
            probes |= {name: readiness.http(_port(url), servers[name].health) for name, url in at.further.items()}
    except (ValueError, KeyError) as error:
        raise damaged(
            stack_file(info.directory), str(error), recovery_command(info.directory, info.up_command)
        ) from None
    return probes


def _port(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url!r} has no port")
    return port


async def _verdict(info: StackInfo, service: Service, probes: Mapping[str, Probe]) -> Verdict:
    if end := read_end(info.directory, service):
        return _ended(info, service, end)
    probe = probes.get(service.name)
    if probe is None:
        return Verdict(name=service.name, state="ready", reason="done" if service.log else "a stand-in inside the API")
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            await probe()
    except (OSError, EOFError, ProbeError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        if (scratch := _deleted_scratch(info)) is not None:
            # No hint to read the log: it shows only consequences, and the data cannot be recovered.
            reason = f"the stack's data in {scratch} were deleted: {reason}"
            return Verdict(name=service.name, state="gone", reason=reason, hint=_recovery_hint(info))
        hint = f"plexdev logs {service.name} {which_stack(info.directory)}"
        return Verdict(name=service.name, state="waiting", reason=reason, hint=hint)
    return Verdict(name=service.name, state="ready", since=unix_time() - info.started_at)


def _deleted_scratch(info: StackInfo) -> Path | None:
    """The directory of the stack's data if it is known and no longer exists."""
    found = look(info.directory)
    if found is None or found.mark is None or not found.mark.is_from_here or not found.mark.counterpart:
        return None
    scratch = Path(found.mark.counterpart)
    return None if os.path.lexists(scratch) else scratch


def _ended(info: StackInfo, service: Service, end: ServerEnd) -> Verdict:
    return Verdict(
        name=service.name,
        state="gone",
        reason=f"ended with {end.status}: {end.cause}" + (f"\n{end.log}" if end.log else ""),
        since=unix_time() - end.at,
        hint="; ".join(part for part in (f"read {service.log}", _recovery_hint(info)) if part),
    )
