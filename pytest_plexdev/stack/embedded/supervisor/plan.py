"""What runs and where: everything that is decided before the supervisor starts a server."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Child
from pytest_plexdev.stack.embedded.servers.dex import Dex
from pytest_plexdev.stack.embedded.servers.postgres_template import Template
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings


@dataclass(frozen=True)
class Plan:
    """The plan of one stack.

    Attributes:
        dex: The real Dex; ``None``: our stand-in.
        spicedb: The real SpiceDB's program; ``None``: the plane evaluates the schema over Postgres.
    """

    settings: EmbeddedSettings
    layout: Layout
    sites: ServerAddresses
    template: Template
    dex: Dex | None
    spicedb: str | None


@dataclass(frozen=True)
class Early:
    """What runs before anybody watches: the slowest, and what Postgres waits for.

    Without a template there is neither: Postgres comes a second later then, and it would be slowed down by an API
    that asks for it in vain.

    Attributes:
        template_lock: A descriptor that holds the template's lock for ``copy``.
    """

    api: Child | None = None
    copy: Child | None = None
    template_lock: int | None = None

    @property
    def children(self) -> list[Child]:
        return [child for child in (self.api, self.copy) if child is not None]

    def release_template(self) -> None:
        if self.template_lock is not None:
            os.close(self.template_lock)
