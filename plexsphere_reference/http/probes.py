"""Readiness: named probes, some latched (contract, readiness model)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Check: TypeAlias = Callable[[], Awaitable[None]]
Status: TypeAlias = Literal["ready", "degraded", "unhealthy"]
_WITHIN: Final = 2.5


@dataclass(frozen=True)
class Probe:
    """A readiness check, which raises on failure. After its first success a latched probe is informational only."""

    name: str
    check: Check
    latched: bool = False


@dataclass(frozen=True)
class ProbeResult:
    name: str
    ok: bool
    informational: bool
    detail: str


class Probes:
    """Runs the probes and records which latched ones have succeeded."""

    def __init__(self, *probes: Probe) -> None:
        self._probes = probes
        self._latched: set[str] = set()

    async def run(self) -> tuple[Status, list[ProbeResult]]:
        """Run all probes. ``degraded``: only informational ones failed; ``unhealthy``: another one failed."""
        outcomes = await asyncio.gather(*(self._outcome(probe) for probe in self._probes))
        failed = [outcome for outcome in outcomes if not outcome.ok]
        if any(not outcome.informational for outcome in failed):
            return "unhealthy", outcomes
        return ("degraded" if failed else "ready"), outcomes

    async def _outcome(self, probe: Probe) -> ProbeResult:
        try:
            async with asyncio.timeout(_WITHIN):
                await probe.check()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            return ProbeResult(probe.name, ok=False, informational=probe.name in self._latched, detail=reason)
        if probe.latched:
            self._latched.add(probe.name)
        return ProbeResult(probe.name, ok=True, informational=False, detail="")
