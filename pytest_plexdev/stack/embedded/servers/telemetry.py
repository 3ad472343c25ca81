"""What the commands of Mimir and Loki have in common: the configuration file and the two ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_plexdev.core.private_files import make_private_directory, write_private
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.further import Program


def telemetry_command(
    name: str,
    program: Program,
    layout: Layout,
    addresses: ServerAddresses,
    *,
    configuration: Mapping[str, Any],
    arguments: Sequence[str] = (),
) -> Command:
    """Write the configuration of a server and return its command.

    Args:
        configuration: All of it but the listeners. Its data directory is ``layout.scratch / name``.
        arguments: Arguments besides the configuration.
    """
    import yaml

    make_private_directory(layout.scratch / name)
    http, grpc = addresses.further[name]
    listeners = {
        "http_listen_address": "127.0.0.1",
        "http_listen_port": http.number,
        "grpc_listen_address": "127.0.0.1",
        "grpc_listen_port": grpc.number,
        "log_level": "warn",
    }
    file = layout.configuration / f"{name}.yaml"
    write_private(file, yaml.safe_dump({**configuration, "server": listeners}).encode())
    argv = [program.path, f"-config.file={file}", *arguments]
    return Command(argv=argv, environment=program_environment(), log=layout.log(name))
