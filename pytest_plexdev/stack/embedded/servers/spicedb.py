"""SpiceDB, where one is installed; where none is, the plane evaluates the same schema over Postgres."""

from __future__ import annotations

import shutil
from typing import Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.settings import Prefer

STANDS_IN_FOR: Final = "SpiceDB 1.39.0"


def find(prefer: Prefer) -> str | None:
    """The program to run; ``None`` where a stand-in evaluates the schema."""
    return shutil.which("spicedb") if prefer == "real" else None


def version_command(program: str, layout: Layout) -> Command:
    return Command(argv=[program, "version"], environment=program_environment(), log=layout.log("spicedb-version"))


def version_said(text: str) -> str:
    """``1.39.0`` of ``spicedb v1.39.0``."""
    return text.strip().removeprefix("spicedb ").removeprefix("v")


def serve(program: str, layout: Layout, sites: ServerAddresses) -> Command:
    """Its tuples live as long as the stack, so they are kept in memory: no second migration, no second database."""
    assert sites.spicedb is not None
    return Command(
        argv=[
            program,
            "serve",
            f"--grpc-addr=127.0.0.1:{sites.spicedb.number}",
            "--datastore-engine=memory",
            "--http-enabled=false",
            "--metrics-enabled=false",
            "--dispatch-cluster-enabled=false",
            "--telemetry-endpoint=",
            "--skip-release-check",
            "--log-level=warn",
        ],
        # Of its command line another user reads every word.
        environment={**program_environment(), "SPICEDB_GRPC_PRESHARED_KEY": sites.credentials.spicedb},
        log=layout.log("spicedb"),
    )
