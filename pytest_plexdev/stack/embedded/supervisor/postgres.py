"""The part of a bring-up that starts Postgres: on a copy of the template, or on the data that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.errors import SERVER_EXITED, PlexdevError
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.servers.postgres import Postgres

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.supervisor.bring_up import BringUp


async def start_on_template(bring_up: BringUp) -> None:
    """Copy the template, or build it if there is none, and start the server on it."""
    server = _server(bring_up)
    if bring_up.early.copy is not None:
        bring_up.may_start_clients.set()
    with bring_up.phases.phase("template"):
        copied = await server.copy_template(bring_up.early.copy)
        bring_up.early.unlock_template()
        if not copied:
            await server.build(bring_up.may_start_clients.set)
    bring_up.may_start_clients.set()
    with bring_up.phases.phase("postgres"):
        version = await _start_or_rebuild(bring_up, server, copied=copied)
    server.check_version(version)


async def start_on_data(bring_up: BringUp) -> None:
    """Start the server on the data that it had when it was stopped."""
    with bring_up.phases.phase("postgres"):
        await _start(bring_up, _server(bring_up))


async def _start_or_rebuild(bring_up: BringUp, server: Postgres, *, copied: bool) -> str:
    try:
        return await _start(bring_up, server)
    except PlexdevError as error:
        if not copied or error.failure is not SERVER_EXITED:
            raise
        bring_up.note(f"Postgres did not start on a copy of the cached template; it is built again\n{error.detail}")
    await server.rebuild(bring_up.may_start_clients.set)
    return await _start(bring_up, server)


async def _start(bring_up: BringUp, server: Postgres) -> str:
    at = bring_up.addresses_of("postgres").postgres
    return await bring_up.wait_until_ready("postgres", server.start(), server.probe, probe_name="a query", at=at)


def _server(bring_up: BringUp) -> Postgres:
    plan = bring_up.plan
    addresses = bring_up.addresses_of("postgres")
    # Other addresses than the stack's: the API may run already and would connect to this temporary server.
    template_addresses = plan.addresses.with_postgres_in(plan.layout.template_sockets)
    return Postgres.of(
        plan.settings,
        plan.layout,
        addresses,
        processes=bring_up.processes,
        template_addresses=template_addresses,
        migrate=control_plane.migrate(plan.settings.programs, plan.layout, template_addresses),
        template=plan.template,
        note=bring_up.note,
    )
