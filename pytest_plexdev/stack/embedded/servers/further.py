"""The servers that the profile ``full`` adds: which of them are installed, and how each is started."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_plexdev.core.extras import extra_missing, is_installed
from pytest_plexdev.stack.embedded import probes
from pytest_plexdev.stack.embedded.probes import Probe
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.addresses import ServerAddresses
    from pytest_plexdev.stack.embedded.layout import Layout
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings

EXTRA: Final = "full"
"""The extra whose wheels install OpenBao and SeaweedFS."""
_VERSION: Final = re.compile(r"\d+\.\d+(\.\d+)?")


class Program(NamedTuple):
    """An installed program of a server, and its version; empty if it did not print one."""

    path: str
    version: str


@dataclass(frozen=True, kw_only=True)
class FurtherServer:
    """One of the servers.

    Attributes:
        name: The name of the service.
        program: The name of its program.
        package: The package of the extra ``full`` that installs the program; ``None``: no package does.
        module: The module of the extra ``full`` that the control plane imports to use the server.
        ports: How many ports it needs. The first is its address.
        health: The path that it answers with 200 once it is ready.
        version: The arguments with which the program prints its version.
        command: Writes its configuration and returns its command, for this program of this version.
        fill: Returns the probe that writes what the server has from the start. It is ready only then.
    """

    name: str
    program: str
    package: str | None = None
    module: str | None = None
    ports: int
    health: str
    version: tuple[str, ...] = ("--version",)
    command: Callable[[Program, Layout, ServerAddresses], Command]
    fill: Callable[[ServerAddresses], Probe] | None = None

    def find(self) -> str | None:
        """Return the path of the program: beside the interpreter, or on ``PATH``; ``None`` also without the module."""
        if self.module is not None and not is_installed(self.module):
            return None
        scripts = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
        installed = (str(path) for scripts_ in scripts if (path := scripts_ / self.program).exists())
        return next(installed, None) or shutil.which(self.program)

    def probe(self, addresses: ServerAddresses) -> Probe:
        """Return the probe for which the server is ready."""
        is_healthy = probes.http(addresses.further[self.name][0].number, self.health)
        if self.fill is None:
            return is_healthy
        fill = self.fill(addresses)

        async def probe() -> str:
            await is_healthy()
            return await fill()

        return probe

    def version_command(self, program: str, layout: Layout) -> Command:
        return Command(
            argv=[program, *self.version], environment=program_environment(), log=layout.log(f"{self.name}-version")
        )


def further_servers() -> Mapping[str, FurtherServer]:
    """Return the servers by name. Imports their modules: a lean stack does not call this."""
    from pytest_plexdev.stack.embedded.servers import loki, mimir, openbao, seaweedfs

    return {each.SERVER.name: each.SERVER for each in (openbao, seaweedfs, mimir, loki)}


def find_programs(settings: EmbeddedSettings) -> Mapping[str, str]:
    """Return the programs of the profile ``full`` by the name of their server.

    A server whose program is not installed is left out. If the user asked for the profile, a wheel must not be missing.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    servers = further_servers()
    programs = {name: server.find() for name, server in servers.items()}
    if settings.requires_profile:
        for name, program in programs.items():
            if program is None and (package := servers[name].package) is not None:
                raise extra_missing(EXTRA, package=package)
    return {name: program for name, program in programs.items() if program is not None}


def parse_version(text: str) -> str:
    """Extract ``2.6.1`` from what a program prints about its version; empty if it prints none."""
    found = _VERSION.search(text)
    return found[0] if found is not None else ""
