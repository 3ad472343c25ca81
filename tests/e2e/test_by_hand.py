"""The commands in docs/how-to/dev-stack.md for applying by hand, as printed, on the cluster that they create."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.port_reservation import reserve
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.constants import API_PORT, IDP_PORT, WARM_CLUSTER, context_of
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from tests.support.clusters import NODE_IMAGE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "dev-stack.md").read_text(encoding="utf-8")
CONFIG = "deploy/local/kind.yaml"
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class ManualUser:
    """A user in a checkout with another cluster's name, node image and host ports."""

    checkout: Path
    cluster: str
    api_port: int

    @property
    def kubeconfig(self) -> Path:
        return self.checkout / "kubeconfig"

    def run(self, command: str) -> str:
        """Run a command as printed, except for the name of the cluster. Returns its output."""
        script = command.replace(f"--name {WARM_CLUSTER}", f"--name {self.cluster}")
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.checkout / "cache"),
        }
        argv = ["bash", "-o", "pipefail", "-c", script]
        result = subprocess.run(
            argv, cwd=self.checkout, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
        return result.stdout


@pytest.fixture
def user(full_images: None, tmp_path: Path) -> Iterator[ManualUser]:
    name = f"plexdev-test-{secrets.token_hex(3)}"
    api, idp = _free_ports(2)
    config = yaml.safe_load((deploy_directory() / "kind.yaml").read_text())
    config["name"] = name
    (node,) = config["nodes"]
    for mapping in node["extraPortMappings"]:
        mapping["hostPort"] = {API_PORT: api, IDP_PORT: idp}[mapping["hostPort"]]
    # With the third-party images inside, because pulling them is not tested here.
    if image := derived(NODE_IMAGE, read_pins()):
        node["image"] = image
    (tmp_path / CONFIG).parent.mkdir(parents=True)
    (tmp_path / CONFIG).write_text(yaml.safe_dump(config))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    user = ManualUser(tmp_path, name, api)
    yield user
    delete = ["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(user.kubeconfig)]
    run(delete, timeout=60, purpose="the test is over")


def test_the_printed_commands_make_a_stack_that_is_ready(user: ManualUser) -> None:
    for command in _printed():
        user.run(command)

    access = read_access(user.kubeconfig, context_of(user.cluster))
    assert access is not None
    with KubeClient(access) as kube:
        wait_ready(kube, refs_of(render(Addresses(), KindSettings(profile="full"))), timeout=TIMEOUT_S)
    with urllib.request.urlopen(f"http://127.0.0.1:{user.api_port}/readyz", timeout=30) as answer:
        assert answer.status == 200


def _printed() -> list[str]:
    section = PAGE.partition("## Applying by hand\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return block.splitlines()  # type: ignore[no-any-return]


def _free_ports(count: int) -> list[int]:
    held = [reserve(purpose="a cluster made by hand") for _ in range(count)]
    for each in held:
        each.release()
    return [each.number for each in held]
