"""Bring the warm cluster up, repeatedly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import endpoints, ownership
from pytest_plexdev.stack.kind.warm import up
from tests.support.kind_stacks import ProgressRecorder
from tests.support.warm_cluster import another_up, pods, versions


def test_what_a_killed_process_left_is_removed_and_made_anew(made: list[str], settings: KindSettings) -> None:
    assert "an incomplete one that a killed process left was removed" in made[0]
    assert f"cluster {settings.name}: created" in made
    assert "bootstrap: ran" in made


def test_it_is_found_by_files_and_sockets(info: StackInfo, settings: KindSettings) -> None:
    assert info.cluster is not None
    assert info.cluster.owned
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert info.capabilities == {"age-heartbeat"}
    assert endpoints.version(info.endpoints.api, patience=5)["commit"] == "reference"


def test_the_second_time_nothing_is_done_and_that_is_said(settings: KindSettings, client: KubeClient) -> None:
    before = versions(client)
    progress = ProgressRecorder()

    info, did = up.bring_up(settings, progress)

    assert did[0] == "images, objects, bootstrap: skipped, the cluster has this fingerprint"
    assert did[1].startswith("verified: ")
    assert progress.phases == ["verify"]
    assert versions(client) == before
    assert info.tenants


def test_reapply_migrates_and_seeds_again_to_no_effect(settings: KindSettings, client: KubeClient) -> None:
    before, pods_before = versions(client), pods(client)

    info, did = up.bring_up(replace(settings, reapply=True), ProgressRecorder())

    after = versions(client)
    assert "bootstrap: ran again" in did
    assert [name for name in after if after[name] != before[name]] == ["migrate", "plexsphere-bootstrap"]
    assert len(pods_before - pods(client)) == 2
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]


def test_a_new_database_is_migrated_and_seeded_again(settings: KindSettings, client: KubeClient) -> None:
    """Its volume ends with its Pod, but the Jobs that filled it are complete and unchanged."""
    client.delete(POD, "postgres-0", NAMESPACE)

    info, did = up.bring_up(settings, ProgressRecorder())
    _, idle = up.bring_up(settings, ProgressRecorder())

    assert did[0] == "differs from what was applied: the database (pod/postgres-0)"
    assert "bootstrap: ran again" in did
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert idle[0] == "images, objects, bootstrap: skipped, the cluster has this fingerprint"


def test_a_bring_up_after_an_interrupted_one_replaces_nothing(settings: KindSettings, client: KubeClient) -> None:
    before = pods(client)
    ownership.withdraw_ready(client)

    _, did = up.bring_up(settings, ProgressRecorder())

    assert not any(line.startswith("database: ") for line in did)
    assert "bootstrap: had run" in did
    assert pods(client) == before


def test_a_failed_bring_up_is_explained_by_whoever_asked_for_it(settings: KindSettings, tmp_path: Path) -> None:
    def explain(error: PlexdevError, access: Access | None) -> PlexdevError:
        assert access is None
        return PlexdevError(error.failure, detail="the doctor was here", **error.facts)

    lacking = replace(settings, name=f"{settings.name}-x", state=tmp_path, kind_image="localhost:1/none:1")
    with pytest.raises(PlexdevError, match="the doctor was here") as failed:
        up.bring_up(replace(lacking, explain=explain), ProgressRecorder())

    assert failed.value.tag == "image-missing"


def test_of_two_who_ask_at_once_one_waits_and_says_for_whom(settings: KindSettings, info: StackInfo) -> None:
    both = [another_up(settings), another_up(settings)]
    output = [process.communicate(timeout=300)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    waited = [text for text in output if "waiting for `" in text]
    assert len(waited) == 1
    other = both[1 - output.index(waited[0])]
    assert f"(pid {other.pid}), held for" in waited[0]
