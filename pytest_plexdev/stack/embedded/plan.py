"""What is going to run and where: everything that is decided before the first program starts."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_plexdev.stack.embedded.identity_provider import Dex
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
from pytest_plexdev.stack.embedded.sites import Sites
from pytest_plexdev.stack.embedded.template import Template


@dataclass(frozen=True)
class Plan:
    """The plan of one stack.

    Attributes:
        dex: The real Dex; ``None``: our stand-in.
        spicedb: The real SpiceDB's program; ``None``: the plane evaluates the schema over Postgres.
    """

    settings: EmbeddedSettings
    layout: Layout
    sites: Sites
    template: Template
    dex: Dex | None
    spicedb: str | None
