"""The profile that ``plexdev up --stack kind`` leaves on the warm cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.model import Profile
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.warm.up import _settle_profile


@pytest.mark.parametrize(
    ("current", "options", "expected"),
    [
        (None, ["lean"], "lean"),
        (None, [], "full"),
        ("lean", ["full"], "full"),
        ("lean", [], "lean"),
        ("full", [], "full"),
        ("full", ["prune"], "full"),
        ("full", ["full"], "full"),
        ("full", ["lean", "prune"], "lean"),
        ("full", ["lean"], "full"),
    ],
)
def test_a_stack_loses_services_only_with_prune(
    current: Profile | None, options: list[str], expected: Profile, tmp_path: Path
) -> None:
    wanted: Profile = "lean" if "lean" in options else "full"
    keeps = not {"lean", "full"} & set(options)
    settings = KindSettings(profile=wanted, keeps_profile=keeps, prune="prune" in options, state=tmp_path)
    work = BringUp(settings, ClusterFiles("c", tmp_path), lambda _: None)

    settled = _settle_profile(settings, current, work)

    assert settled.profile == work.context.settings.profile == expected
    stays = wanted == "lean" and expected == "full"
    assert [line.partition(";")[0] for line in work.did] == (["profile: stays full"] if stays else [])
