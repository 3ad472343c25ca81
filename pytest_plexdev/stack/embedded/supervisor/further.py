"""The part of a bring-up that the profile ``full`` adds."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING

from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.servers.further import FurtherServer, Program, further_servers, parse_version

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.supervisor.bring_up import BringUp


def further_parts(bring_up: BringUp) -> dict[str, Callable[[], Coroutine[None, None, None]]]:
    """Return how to start each server that the plan adds to those of the profile ``lean``, by name."""
    programs = bring_up.plan.further
    servers = further_servers() if programs else {}
    return {name: partial(_start, bring_up, servers[name], program) for name, program in programs.items()}


def further_programs(bring_up: BringUp) -> dict[str, Callable[[], Coroutine[None, None, None]]]:
    """Return how to run the programs that fill these servers."""
    is_there = "seaweedfs" in bring_up.plan.further
    return {control_plane.SEED_ARTIFACTS: partial(_seed_artifacts, bring_up)} if is_there else {}


async def _seed_artifacts(bring_up: BringUp) -> None:
    plan = bring_up.plan
    command = control_plane.seed_artifacts(plan.settings.programs, plan.layout, plan.addresses)
    with bring_up.phases.phase(control_plane.SEED_ARTIFACTS):
        await bring_up.processes.run(control_plane.SEED_ARTIFACTS, command)


async def _start(bring_up: BringUp, server: FurtherServer, program: str) -> None:
    plan, processes = bring_up.plan, bring_up.processes
    addresses = bring_up.addresses_of(server.name)
    at = addresses.further[server.name][0]
    with bring_up.phases.phase(server.name):
        version = await _version(bring_up, server, program)
        command = server.command(Program(program, version), plan.layout, addresses)
        child = processes.start(server.name, command)
        await bring_up.wait_until_ready(
            server.name,
            child,
            server.probe(addresses),
            probe_name=f"GET {server.health} with 200",
            at=at,
            version=version,
        )


async def _version(bring_up: BringUp, server: FurtherServer, program: str) -> str:
    command = server.version_command(program, bring_up.plan.layout)
    await bring_up.processes.run(f"{server.name}-version", command)
    return parse_version(command.log.read_text(encoding="utf-8", errors="replace"))
