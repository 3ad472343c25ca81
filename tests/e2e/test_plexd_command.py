"""``plexdev up plexd`` and ``down plexd`` on the warm cluster, as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.model import StackInfo
from tests.support.agent_image import agent_image


@pytest.fixture(scope="module")
def image(warm_stack: StackInfo) -> Iterator[str]:
    with agent_image() as name:
        yield name
        main(["down", "plexd"])


def test_it_is_added_listed_and_removed(
    warm_stack: StackInfo, image: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "plexd", "--image", f"plexd={image}"]) == 0
    added = capfd.readouterr()
    monkeypatch.setenv("PLEXDEV_IMAGES", f"plexd={image}")
    assert main(["up", "plexd", "--json"]) == 0
    again = json.loads(capfd.readouterr().out)["result"]
    node = again["node_id"]
    listed = typed(capfd, "login", "--auto") and typed(capfd, "node", "list")
    log = typed(capfd, "logs", "plexd")
    status = typed(capfd, "status")
    removed = typed(capfd, "down", "plexd")
    without = typed(capfd, "status")

    assert added.out.startswith("plexdev: plexd is healthy (")
    assert f"  node       {node} in acme-corp\n" in added.out
    assert "psb_" not in added.out + added.err + log
    assert again["did"][1] == "token: none issued, its Node is registered"
    assert node in listed
    assert f'"msg": "registered", "node_id": "{node}"' in log
    assert "deployment/plexd" in status
    assert removed.startswith("plexdev: plexd is removed: deployment/plexd, ")
    assert "deployment/plexd" not in without
    assert "deployment/plexsphere" in without


def test_to_the_stack_s_own_bring_up_its_image_is_no_drift(
    warm_stack: StackInfo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_IMAGES", "plexd=localhost:1/none:1")

    assert "images, objects, bootstrap: skipped" in typed(capfd, "up", "--stack", "kind")


def typed(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0, capfd.readouterr()
    return capfd.readouterr().out
