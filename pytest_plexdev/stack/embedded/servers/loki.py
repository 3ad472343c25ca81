"""Command of Loki in one process. It keeps the Domains apart, as the profile ``full`` on kind does."""

from __future__ import annotations

from typing import Any, Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.servers.further import FurtherServer, Program
from pytest_plexdev.stack.embedded.servers.telemetry import telemetry_command


def _command(program: Program, layout: Layout, addresses: ServerAddresses) -> Command:
    configuration = _configuration(str(layout.scratch / "loki"), addresses.further["loki"][1].number)
    return telemetry_command("loki", program, layout, addresses, configuration=configuration)


def _configuration(data: str, grpc: int) -> dict[str, Any]:
    """What ``deploy/local/base/loki`` has, with this stack's port and directory."""
    return {
        "auth_enabled": True,
        "analytics": {"reporting_enabled": False},
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": data,
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{data}/chunks", "rules_directory": f"{data}/rules"}},
        },
        # By default ready only 15 s after joining the ring.
        "ingester": {"lifecycler": {"min_ready_duration": "0s"}},
        "schema_config": {
            "configs": [
                {
                    "from": "2024-01-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        # A querier would look for the scheduler in the ring every 10 s, and Loki is not ready before that.
        "query_scheduler": {"use_scheduler_ring": False},
        "frontend_worker": {"frontend_address": f"127.0.0.1:{grpc}", "dns_lookup_duration": "1s"},
    }


SERVER: Final = FurtherServer(
    name="loki",
    program="loki",
    ports=2,
    # 200 only if every module runs and the ring is complete.
    health="/ready",
    command=_command,
)
