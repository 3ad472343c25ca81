"""Run the supervisor, the process that owns the servers of one stack.

It reads its settings from standard input and sends events to its requester through standard output. It daemonizes
first, and stops the stack when the stack's owner ends in any way.

The API has by far the longest start, so it is started before this process imports what it needs to watch it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from pytest_plexdev.core.signals import reset_signals
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import adopt_orphans
from pytest_plexdev.stack.embedded.servers import control_plane, spicedb
from pytest_plexdev.stack.embedded.servers.dex import find_dex
from pytest_plexdev.stack.embedded.servers.postgres_data import template_of
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, SupervisorInput
from pytest_plexdev.stack.embedded.supervisor.early_children import start_early
from pytest_plexdev.stack.embedded.supervisor.plan import EarlyChildren, Plan


def main() -> int:
    """Bring a stack up, watch it, and take it down; or serve as a fork server. Returns the exit code."""
    reset_signals()
    # Files of the stack are private, whatever the user's umask.
    os.umask(0o077)
    if len(sys.argv) > 1:
        from pytest_plexdev.stack.embedded.supervisor.fork_server import serve

        return serve(_supervise)
    return _supervise(SupervisorInput.decode(sys.stdin.buffer.read()))


def _supervise(supervisor_input: SupervisorInput) -> int:
    try:
        with system_errors(
            "start the embedded stack", near=supervisor_input.directory, cache=supervisor_input.settings.cache
        ):
            _detach()
            adopt_orphans()
            plan, early = _create_layout_and_start(supervisor_input)
    except PlexdevError as error:
        return _report_failure(error)
    from pytest_plexdev.stack.embedded.supervisor.loop import supervise

    return supervise(plan, early)


def _detach() -> None:
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)


def _create_layout_and_start(supervisor_input: SupervisorInput) -> tuple[Plan, EarlyChildren]:
    layout = Layout.create(
        supervisor_input.directory, name=supervisor_input.settings.id, run=supervisor_input.settings.run_directory
    )
    try:
        # All servers can enter it, and it has no files of the user.
        os.chdir(layout.scratch)
        return _start(supervisor_input.settings, layout)
    except BaseException:
        # The requester receives the error. At a bug it sees that the pipe has closed, and the log has the traceback.
        layout.remove_data()
        raise


def _start(settings: EmbeddedSettings, layout: Layout) -> tuple[Plan, EarlyChildren]:
    program = spicedb.find(settings.prefer)
    further, ports = _find_further(settings)
    addresses = ServerAddresses.allocate(
        settings,
        spicedb=program is not None,
        scratch=layout.scratch,
        postgres_directory=layout.sockets,
        further=ports,
    )
    template = template_of(settings, control_plane.migrations())
    early = start_early(settings, layout, addresses, template)
    # Last, because it runs the Dex on PATH to get its version.
    dex = find_dex(settings)
    if dex is None:
        addresses.idp.listen()
    plan = Plan(
        settings=settings,
        layout=layout,
        addresses=addresses,
        template=template,
        dex=dex,
        spicedb=program,
        further=further,
    )
    return plan, early


def _find_further(settings: EmbeddedSettings) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """The programs of the servers that the profile adds, and how many ports each needs."""
    if settings.profile == "lean":
        return {}, {}
    from pytest_plexdev.stack.embedded.servers.further import find_programs, further_servers

    programs = find_programs(settings)
    return programs, {name: each.ports for name, each in further_servers().items() if name in programs}


def _report_failure(error: PlexdevError) -> int:
    from pytest_plexdev.stack.embedded.supervisor.protocol import Requester

    Requester(sys.stdout.fileno()).send_failure(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
