"""Clusters that the doctor's fixes refuse, before they send any request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_plexdev.doctor import Finding
from pytest_plexdev.doctor.fixes import apply_fix
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.settings import KindSettings

OURS = Access(context="kind-plexsphere", kubeconfig=Path("/nowhere"), server="https://127.0.0.1:1")
FOUND = Finding(
    mode="gateway-not-admitted", state="found", title="it is not", evidence="it was seen", explanation="", command=""
)


def refusal(access: Access, settings: KindSettings) -> PlexdevError:
    with pytest.raises(PlexdevError) as raised:
        apply_fix(FOUND, access, settings, lambda _: None)
    return raised.value


def test_nothing_is_mended_beside_a_bring_up(tmp_path: Path) -> None:
    with FileLock(tmp_path / "kind.lock"):
        error = refusal(OURS, KindSettings(state=tmp_path, timeout=0.2))

    assert error.tag == "cluster-busy"


@pytest.mark.parametrize(
    "access",
    [replace(OURS, context="staging"), replace(OURS, server="https://203.0.113.7:6443")],
    ids=["not of kind", "not on this machine"],
)
def test_only_a_kind_cluster_of_this_machine_is_mended(access: Access, tmp_path: Path) -> None:
    error = refusal(access, KindSettings(state=tmp_path))

    assert error.tag == "hands-off"
    assert "not a kind cluster on this machine" in str(error)
