"""kind's configuration of one cluster: ``deploy/local/kind.yaml`` with a name, host ports and an image of its own."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.port_reservation import HeldPort, reserve
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.port_publisher import with_container
from pytest_plexdev.stack.kind.constants import API_NODE_PORT, HOME_LABEL, IDP_NODE_PORT, KIND_FILE, OWNER, OWNER_LABEL
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings

_FRESH: Final = "free the port, or use a cluster of a run's own, which takes free ports: pytest --plexdev-stack=kind"
"""The warm cluster uses the ports of the product's dev stack, and no others."""


def cluster_config(files: ClusterFiles, addresses: Addresses) -> bytes:
    """Write the configuration that ``kind create cluster --config -`` reads."""
    import yaml

    # The warm cluster's configuration, from which every other one derives.
    document: dict[str, Any] = load_yaml((deploy_directory() / KIND_FILE).read_text(encoding="utf-8"))
    host_ports = {API_NODE_PORT: addresses.api_port, IDP_NODE_PORT: addresses.idp_port}
    document["name"] = files.name
    for node in document["nodes"]:
        node.setdefault("labels", {}).update({OWNER_LABEL: OWNER, HOME_LABEL: files.home})
        for mapping in node.get("extraPortMappings", ()):
            port = mapping["containerPort"]
            mapping["hostPort"] = host_ports.get(port, mapping.get("hostPort", 0))
    encoded: bytes = yaml.safe_dump(document, encoding="utf-8", sort_keys=False)
    return encoded


def choose_addresses(settings: KindSettings) -> Addresses:
    """Choose the host ports. They are free now; nothing can reserve them until Docker listens there itself.

    Raises:
        PlexdevError: ``port-taken``, with the holder.
    """
    with contextlib.ExitStack() as held:
        ports = []
        for port, purpose in ((settings.api_port, "the API"), (settings.idp_port, "the identity provider")):
            reserved = _reserve(port, purpose)
            held.callback(reserved.release)
            ports.append(reserved.number)
        return Addresses(*ports)


def _reserve(port: int, purpose: str) -> HeldPort:
    try:
        return reserve(port, purpose=purpose, instead=_FRESH)
    except PlexdevError as error:
        raise with_container(error) from None
