"""Command of Mimir in one process. It keeps the Domains apart, as the profile ``full`` on kind does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.servers.further import FurtherServer, Program
from pytest_plexdev.stack.embedded.servers.telemetry import telemetry_command

_RING: Final = {"instance_addr": "127.0.0.1", "kvstore": {"store": "inmemory"}}


def _command(program: Program, layout: Layout, addresses: ServerAddresses) -> Command:
    configuration = _configuration(str(layout.scratch / "mimir"))
    ring = _querier_ring(program.version)
    return telemetry_command("mimir", program, layout, addresses, configuration=configuration, arguments=ring)


def _querier_ring(version: str) -> Sequence[str]:
    """Return the arguments of the queriers' ring, which Mimir has since 3.0; earlier versions refuse them.

    Like those of the other rings in the configuration, they work without any interface but the loopback, and without
    a port for gossip, which two stacks would share.
    """
    if version.startswith(("1.", "2.")):
        return ()
    return ("-querier.ring.instance-addr=127.0.0.1", "-querier.ring.store=inmemory")


def _configuration(data: str) -> dict[str, Any]:
    """What ``deploy/local/base/mimir`` has, with this stack's directory."""
    return {
        "target": "all",
        "multitenancy_enabled": True,
        "usage_stats": {"enabled": False},
        "activity_tracker": {"filepath": ""},
        # By default 0s: a Node that was offline sends what it kept, and batches overtake each other on retries.
        "limits": {"out_of_order_time_window": "24h"},
        "common": {"storage": {"backend": "filesystem"}},
        "blocks_storage": {
            "filesystem": {"dir": f"{data}/blocks"},
            "tsdb": {"dir": f"{data}/tsdb"},
            "bucket_store": {"sync_dir": f"{data}/sync"},
        },
        "ruler_storage": {"filesystem": {"dir": f"{data}/rules"}},
        "ruler": {"rule_path": f"{data}/ruler", "ring": _RING},
        "alertmanager_storage": {"filesystem": {"dir": f"{data}/alerts"}},
        "alertmanager": {"data_dir": f"{data}/alertmanager", "sharding_ring": _RING},
        "compactor": {"data_dir": f"{data}/compactor", "sharding_ring": _RING},
        "distributor": {"ring": _RING},
        # By default ready only 15 s after joining the ring.
        "ingester": {"ring": {**_RING, "replication_factor": 1, "min_ready_duration": "0s"}},
        "store_gateway": {"sharding_ring": {**_RING, "replication_factor": 1, "wait_stability_min_duration": "0s"}},
        "query_scheduler": {"ring": _RING},
        "frontend": {"address": "127.0.0.1"},
    }


SERVER: Final = FurtherServer(
    name="mimir",
    program="mimir",
    ports=2,
    # 200 only if every module runs and the rings are complete.
    health="/ready",
    command=_command,
)
