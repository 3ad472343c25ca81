"""The decisions that are made before the supervisor starts a server: which programs run, and their addresses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

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
        dex: The real Dex; ``None``: the stand-in.
        spicedb: The program of the real SpiceDB; ``None``: the control plane evaluates the schema over Postgres.
        further: The programs of the servers that the profile ``full`` adds, by name.
    """

    settings: EmbeddedSettings
    layout: Layout
    addresses: ServerAddresses
    template: Template
    dex: Dex | None
    spicedb: str | None
    further: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlyChildren:
    """The children that are started before the event loop: the API, which starts slowest, and the copy for Postgres.

    Without a template there are none: Postgres then starts a second later, and an API that retries its connection
    meanwhile would slow it down.

    Attributes:
        template_lock: A descriptor that holds the template's lock for ``copy``.
    """

    api: Child | None = None
    copy: Child | None = None
    template_lock: int | None = None

    @property
    def children(self) -> list[Child]:
        return [child for child in (self.api, self.copy) if child is not None]

    def unlock_template(self) -> None:
        if self.template_lock is not None:
            os.close(self.template_lock)
