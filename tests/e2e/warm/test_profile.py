"""The profile of a running stack."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import ownership
from pytest_plexdev.stack.kind.warm import attach, up
from pytest_plexdev.testkit.database import connect
from tests.support.acme import acme_of
from tests.support.kind_stacks import ProgressRecorder
from tests.support.warm_cluster import access_of


@pytest.fixture
def full(full_images: None, settings: KindSettings, info: StackInfo) -> KindSettings:
    return replace(settings, profile="full")


@pytest.fixture
def acmes_secret(settings: KindSettings, tmp_path: Path) -> Callable[[StackInfo], str]:
    """Sign in to acme-corp without a cache; returns where its binding has its client secret."""

    def sign_in(info: StackInfo) -> str:
        with acme_of(info, KindProvider(settings, info.directory), tmp_path / secrets.token_hex(3)) as acme:
            query = "SELECT client_secret_ref FROM plexsphere.idp_bindings WHERE domain_id = %s"
            with connect(acme.stack) as database:
                row = database.execute(query, [acme.domain_id]).fetchone()
        assert row is not None
        return str(row[0])

    return sign_in


def test_a_profile_is_added_kept_and_removed_only_with_prune(
    settings: KindSettings, full: KindSettings, info: StackInfo, acmes_secret: Callable[[StackInfo], str]
) -> None:
    in_lean = acmes_secret(info)
    with pytest.raises(PlexdevError, match="the running kind stack has the profile lean, not full"):
        attach.attach(replace(full, on_drift="fail"), ProgressRecorder())

    info, _ = up.bring_up(full, ProgressRecorder())
    assert set(FURTHER_SERVICES) <= {service.name for service in info.services}
    assert acmes_secret(info).startswith("openbao:")

    attached = attach.attach(replace(settings, keeps_profile=True, on_drift="fail"), ProgressRecorder())
    assert attached is not None
    assert attached.profile == "full"

    with pytest.raises(PlexdevError) as shrinking:
        attach.attach(settings, ProgressRecorder())
    assert shrinking.value.tag == "profile-drifted"
    assert shrinking.value.fix.startswith("plexdev up --stack kind --profile lean --prune")

    with KubeClient(access_of(info)) as client:
        ownership.withdraw_ready(client)
    info, _ = up.bring_up(replace(settings, keeps_profile=True), ProgressRecorder())
    assert info.profile == "full"

    info, did = up.bring_up(settings, ProgressRecorder())
    assert info.profile == "full"
    assert [line for line in did if line.startswith("profile: stays full; ")] == [
        (
            "profile: stays full; plexdev up --stack kind --profile lean --prune removes "
            "openbao, seaweedfs, mimir, loki, crossplane, external-secrets"
        )
    ]

    info, did = up.bring_up(replace(settings, prune=True), ProgressRecorder())
    assert info.profile == "lean"
    assert not set(FURTHER_SERVICES) & {service.name for service in info.services}
    assert acmes_secret(info) == in_lean
    (pruned,) = [line for line in did if line.startswith("pruned")]
    removed = set(pruned.partition(": ")[2].split(", "))
    assert {f"deployment/{name}" for name in set(FURTHER_SERVICES) - {"seaweedfs"}} <= removed
    assert {"externalsecret/beta-llc-idp-client", "secretstore/openbao", "role/crossplane"} <= removed
    assert "validatingwebhookconfiguration/crossplane-no-usages" in removed
