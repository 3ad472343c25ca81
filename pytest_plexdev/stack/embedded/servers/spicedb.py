"""Command of SpiceDB, if it is installed. Otherwise the control plane evaluates the same schema over Postgres."""

from __future__ import annotations

import shutil
import signal
from typing import Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.settings import Prefer

STANDS_IN_FOR: Final = "SpiceDB 1.39.0"


def find(prefer: Prefer) -> str | None:
    """Return the program to run, or ``None`` if the stand-in is used."""
    return shutil.which("spicedb") if prefer == "real" else None


def version_command(program: str, layout: Layout) -> Command:
    return Command(argv=[program, "version"], environment=program_environment(), log=layout.log("spicedb-version"))


def parse_version(text: str) -> str:
    """Extract ``1.39.0`` from ``spicedb v1.39.0``."""
    return text.strip().removeprefix("spicedb ").removeprefix("v")


def serve(program: str, layout: Layout, addresses: ServerAddresses) -> Command:
    """Return the command. It stores tuples in memory, which needs neither a database nor migrations of its own."""
    assert addresses.spicedb is not None
    return Command(
        argv=[
            program,
            "serve",
            f"--grpc-addr=127.0.0.1:{addresses.spicedb.number}",
            "--datastore-engine=memory",
            "--http-enabled=false",
            "--metrics-enabled=false",
            "--dispatch-cluster-enabled=false",
            "--telemetry-endpoint=",
            "--skip-release-check",
            "--log-level=warn",
        ],
        # In the environment: command lines are visible to other users.
        environment={**program_environment(), "SPICEDB_GRPC_PRESHARED_KEY": addresses.credentials.spicedb},
        log=layout.log("spicedb"),
        shutdown_signal=signal.SIGTERM,
    )
