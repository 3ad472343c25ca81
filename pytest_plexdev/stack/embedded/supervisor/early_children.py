"""Start the children that need no event loop: the API, which starts slowest, and the copy of Postgres's template."""

from __future__ import annotations

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Child
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.servers.postgres_data import copy_command
from pytest_plexdev.stack.embedded.servers.postgres_template import Template
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
from pytest_plexdev.stack.embedded.supervisor.plan import EarlyChildren


def start_early(
    settings: EmbeddedSettings, layout: Layout, addresses: ServerAddresses, template: Template
) -> EarlyChildren:
    """Start them, if there is a template that no other process changes now; otherwise none."""
    lock = template.try_lock_shared()
    if lock is None:
        return EarlyChildren()
    api = Child(control_plane.API, control_plane.api(settings.programs, layout, addresses))
    addresses.api.hand_over()
    return EarlyChildren(
        api=api,
        copy=Child("copy", copy_command(template.data, layout.data, layout)),
        template_lock=lock,
    )
