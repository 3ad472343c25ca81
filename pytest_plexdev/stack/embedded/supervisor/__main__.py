"""The process that owns the servers of one stack.

It reads an order from its standard input and tells its asker through its standard output what happens. It detaches
first, so that it is nobody's child, and ends the stack when its owner has ended, however that was.

The API takes longest to start, by far: it is started before this process imports what it needs to watch it.
"""

from __future__ import annotations

import os
import sys

from pytest_plexdev.core.signals import reset_signals
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Child, adopt_orphans
from pytest_plexdev.stack.embedded.servers import control_plane, spicedb
from pytest_plexdev.stack.embedded.servers.dex import find_dex
from pytest_plexdev.stack.embedded.servers.postgres_data import copy_command, template_of
from pytest_plexdev.stack.embedded.servers.postgres_template import Template
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, Order
from pytest_plexdev.stack.embedded.supervisor.plan import Early, Plan


def main() -> int:
    """Bring a stack up, watch over it, take it down."""
    reset_signals()
    # What it and its programs write is nobody else's to read, whatever the user's umask lets them.
    os.umask(0o077)
    order = Order.decode(sys.stdin.buffer.read())
    try:
        with system_errors("start the embedded stack", near=order.directory, cache=order.settings.cache):
            _detach()
            adopt_orphans()
            plan, early = _begin_in(order)
    except PlexdevError as error:
        return _refuse(error)
    from pytest_plexdev.stack.embedded.supervisor.loop import supervise

    return supervise(plan, early)


def _detach() -> None:
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _begin_in(order: Order) -> tuple[Plan, Early]:
    layout = Layout.create(order.directory, name=order.settings.id, run=order.settings.run_directory)
    try:
        # Every server can enter it, and there is nothing of a user's in it.
        os.chdir(layout.scratch)
        return _begin(order.settings, layout)
    except BaseException:
        # The asker hears why, or, of a fault of ours, that the pipe has closed; its traceback goes to the log then.
        layout.remove_data()
        raise


def _begin(settings: EmbeddedSettings, layout: Layout) -> tuple[Plan, Early]:
    program = spicedb.find(settings.prefer)
    sites = ServerAddresses.take(
        settings, spicedb=program is not None, scratch=layout.scratch, postgres_directory=layout.sockets
    )
    template = template_of(settings, control_plane.migrations())
    early = _start_early(settings, layout, sites, template)
    # Last, for a Dex on PATH is run to be asked what it is.
    dex = find_dex(settings)
    if dex is None:
        sites.idp.listen()
    plan = Plan(settings=settings, layout=layout, sites=sites, template=template, dex=dex, spicedb=program)
    return plan, early


def _start_early(settings: EmbeddedSettings, layout: Layout, sites: ServerAddresses, template: Template) -> Early:
    lock = template.share()
    if lock is None:
        return Early()
    api = Child(control_plane.API, control_plane.api(settings.programs, layout, sites))
    sites.api.hand_over()
    return Early(
        api=api,
        copy=Child("copy", copy_command(template.data, layout.data, layout)),
        template_lock=lock,
    )


def _refuse(error: PlexdevError) -> int:
    from pytest_plexdev.stack.embedded.supervisor.protocol import Requester

    Requester(sys.stdout.fileno()).failed(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
