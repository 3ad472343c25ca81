"""The error of a failed bring-up of a run's own cluster has only commands that work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import Advice, PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, IMAGE_MISSING
from pytest_plexdev.errors.readiness import DOOMED_OBJECT
from pytest_plexdev.stack.kind.bring_up.failure import as_gone, as_kept, with_diagnosis
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.settings import KindSettings

PLACE = ClusterFiles("plexdev-1a2b3c4d", Path("/tmp/plexdev-99/stack"))
KUBECTL = "kubectl --kubeconfig /tmp/plexdev-99/stack/kubeconfig --context kind-plexdev-1a2b3c4d"
DETAIL = "pod/api-1 on plexdev-1a2b3c4d-control-plane: ErrImageNeverPull"
ADVICE = (
    Advice(
        mode="image-never-pulled",
        evidence="pod/api-1 has no image api:dev",
        explanation="the image is not on the node of plexdev-1a2b3c4d",
        command="kind load docker-image api:dev --name plexdev-1a2b3c4d",
        needs_cluster=True,
    ),
    # Its command names the cluster, but works without it.
    Advice(
        mode="port-taken",
        evidence="a server listens at 8080",
        explanation="the API needs it",
        command="ss -ltnp | grep plexdev-1a2b3c4d",
        needs_cluster=False,
    ),
)


def failure(fix: str) -> PlexdevError:
    facts = {"object": "deployment/api", "seconds": 1.0, "culprit": "pod/api-1, no image", "fix": fix}
    return PlexdevError(DOOMED_OBJECT, detail=DETAIL, **facts).with_advice(ADVICE)


def test_no_command_needs_a_cluster_that_is_deleted() -> None:
    output = str(as_gone(failure(f"{KUBECTL} describe pod api-1"), PLACE))

    assert "--kubeconfig" not in output
    assert "kind load" not in output
    assert output.splitlines()[-1] == (
        "  fix: pytest --plexdev-stack=kind --plexdev-keep=on-failure keeps the cluster for inspection"
    )
    assert DETAIL in output
    assert "doctor[image-never-pulled]: pod/api-1 has no image api:dev" in output
    assert "  try: ss -ltnp | grep plexdev-1a2b3c4d" in output


def test_a_detail_that_looks_like_advice_is_left_as_it_is() -> None:
    detail = "  try: kubectl --context kind-plexdev-1a2b3c4d get pods"

    assert as_gone(failure("docker pull api:dev").changed(detail=detail), PLACE).detail == detail


def test_a_command_that_needs_no_cluster_is_told_all_the_same() -> None:
    assert str(as_gone(failure("docker pull api:dev"), PLACE)).endswith("fix: docker pull api:dev")


def test_a_kept_cluster_keeps_its_commands_and_how_to_end_it() -> None:
    output = str(as_kept(failure(f"{KUBECTL} describe pod api-1"), PLACE))

    assert f"  fix: {KUBECTL} describe pod api-1" in output
    assert "kind load docker-image api:dev --name plexdev-1a2b3c4d" in output
    assert "plexdev down --directory /tmp/plexdev-99/stack" in output


def test_a_silent_api_is_looked_at_where_it_was_kept() -> None:
    facts = {"name": PLACE.name, "url": "http://localhost:1", "reason": "x", "fix": "plexdev status; plexdev doctor"}
    error = PlexdevError(API_SILENT, **facts)

    assert str(as_kept(error, PLACE)).endswith("fix: plexdev status --directory /tmp/plexdev-99/stack")
    assert "plexdev status" not in str(as_gone(error, PLACE))


@pytest.mark.parametrize(
    ("pin", "owner", "lean"),
    [
        ("loki", None, "plexdev up --stack kind --profile lean"),
        ("loki", ProcessId.of(os.getpid()), "--plexdev-profile=lean"),
        ("nats", None, ""),
    ],
)
def test_an_image_that_only_full_needs_can_be_left_out(pin: str, owner: ProcessId | None, lean: str) -> None:
    reference = read_pins()[pin].reference
    settings = KindSettings(profile="full", owner=owner)

    with pytest.raises(PlexdevError) as refused, with_diagnosis(settings, PLACE):
        raise PlexdevError(IMAGE_MISSING, reference=reference, fix=f"docker pull {reference}")

    rest = f"; without the services of the profile full: {lean}" if lean else ""
    assert refused.value.fix == f"docker pull {reference}{rest}"
