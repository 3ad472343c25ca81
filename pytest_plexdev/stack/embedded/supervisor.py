"""``python -m pytest_plexdev.stack.embedded.supervisor``: the process that owns the servers of one stack.

It reads an order from its standard input and tells its asker through its standard output what happens. It detaches
first, so that it is nobody's child, and ends the stack when its owner has ended, however that was.

The API takes longest to start, by far: it is started before this process imports what it needs to watch it.
"""

from __future__ import annotations

import os
import sys

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import plane, spicedb
from pytest_plexdev.stack.embedded.identity_provider import find_dex
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.plan import Plan
from pytest_plexdev.stack.embedded.postgres_data import template_of
from pytest_plexdev.stack.embedded.processes import Child, ProcessId, adopt_orphans
from pytest_plexdev.stack.embedded.settings import Order
from pytest_plexdev.stack.embedded.sites import Sites


def main() -> int:
    """Bring a stack up, watch over it, take it down."""
    order = Order.decode(sys.stdin.buffer.read())
    _detach()
    adopt_orphans()
    layout = Layout.create(order.directory, supervisor=ProcessId.of(os.getpid()))
    try:
        plan = _plan(order, layout)
        early = _start_early(plan)
    except PlexdevError as error:
        return _refuse(error, layout)
    from pytest_plexdev.stack.embedded.watch import supervise

    return supervise(plan, early)


def _detach() -> None:
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _plan(order: Order, layout: Layout) -> Plan:
    settings = order.settings
    spicedb_program = spicedb.find(settings.prefer)
    dex = find_dex(settings)
    sites = Sites.take(
        settings,
        spicedb=spicedb_program is not None,
        idp_binds=dex is not None,
        postgres_directory=layout.scratch,
    )
    return Plan(
        settings=settings,
        layout=layout,
        sites=sites,
        template=template_of(settings, plane.migrations()),
        dex=dex,
        spicedb=spicedb_program,
    )


def _start_early(plan: Plan) -> list[Child]:
    # Without a template Postgres comes a second later: an API that asked in vain would wait longer than that.
    if not plan.template.is_there():
        return []
    return [Child("api", plane.api(plan.settings.programs, plan.layout, plan.sites))]


def _refuse(error: PlexdevError, layout: Layout) -> int:
    from pytest_plexdev.stack.embedded.channel import Asker

    layout.remove_data()
    layout.supervisor_file.unlink()
    Asker(sys.stdout.fileno()).failed(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
