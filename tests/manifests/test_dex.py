"""Dex in the cluster has the same configuration as in the embedded stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_plexdev.stack.embedded.dex_standin import write_dex_config
from pytest_plexdev.stack.embedded.servers import dex
from tests.support.manifests import by_name, overlay_objects

ISSUER = "http://localhost:5556/dex"


class WarmSites:
    """The addresses in Dex's configuration."""

    api_url = "http://localhost:8080"
    issuer = ISSUER
    idp_api_endpoint = "127.0.0.1:5557"


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, Any]:
    """The configuration that the embedded stack would write for a real Dex at the warm cluster's addresses."""
    configuration = dex._configuration(
        WarmSites(),  # type: ignore[arg-type]
        password=dex._PASSWORD_FOR_DEX,
        key=None,
    )
    write_dex_config(configuration, tmp_path / "dex.yaml")
    document: dict[str, Any] = yaml.safe_load((tmp_path / "dex.yaml").read_text())
    return document


def test_dex_knows_the_same_client_and_users(embedded: dict[str, Any]) -> None:
    in_cluster = yaml.safe_load(by_name(overlay_objects(), "ConfigMap")["dex-config"]["data"]["config.yaml"])
    del embedded["web"]  # there it listens on loopback, at another port
    del embedded["grpc"]

    assert in_cluster.pop("web") == {"http": "0.0.0.0:5556"}
    assert in_cluster.pop("grpc") == {"addr": "0.0.0.0:5557"}
    assert in_cluster == embedded


def test_the_api_that_creates_users_is_inside_the_cluster_only() -> None:
    services = by_name(overlay_objects(), "Service")

    assert "type" not in services["dex-api"]["spec"]
    assert [each["port"] for each in services["dex-api"]["spec"]["ports"]] == [5557]
    assert [each["port"] for each in services["dex"]["spec"]["ports"]] == [5556]
