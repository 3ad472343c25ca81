"""The golden flow on a cluster of the run's own: brought up once for all workers, and nothing left behind."""

from __future__ import annotations

import re

import pytest

from tests.cluster.stacks import clusters

pytestmark = pytest.mark.usefixtures("cluster_tools")


def test_workers_share_one_fresh_cluster_and_it_is_gone_after_the_run(project: pytest.Pytester) -> None:
    before = clusters()
    result = project.runpytest_subprocess(
        *("--plexdev-stack=kind", "--plexdev-timeout=400", "-n", "4", "--pyargs", "pytest_plexdev.golden")
    )

    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(
        [
            "kind stack plexdev-* at http://localhost:*",
            "  cluster kind-plexdev-*, namespace default",
            "  seconds: *cluster *",
            "  warm next time: *",
        ]
    )
    assert len(set(re.findall("kind stack (plexdev-[0-9a-f]+)", result.stdout.str()))) == 1
    assert clusters() == before
