"""The golden flow on a run's own cluster, which is brought up once for all workers and deleted completely."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from tests.support.kind_stacks import clusters

pytestmark = pytest.mark.usefixtures("cluster_tools")


def test_workers_share_one_fresh_cluster_and_the_run_deletes_it(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        *("--plexdev-stack=kind", "--plexdev-timeout=400", "-n", "4", "-v", "--pyargs", "pytest_plexdev.golden")
    )

    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(
        [
            "kind stack plexdev-* at http://localhost:*",
            "  cluster kind-plexdev-*, namespace default",
            "  seconds: *cluster *",
            "  warm next time: plexdev up --stack kind, then *",
        ]
    )
    (cluster,) = set(re.findall("kind stack (plexdev-[0-9a-f]+)", result.stdout.str()))
    assert cluster not in clusters()


def test_a_kept_cluster_is_spoken_to_and_ended_by_its_directory(
    project: pytest.Pytester, capfd: pytest.CaptureFixture[str]
) -> None:
    project.makepyfile(
        test_stack="""
        def test_events(plexdev_events, plexdev_project):
            created = plexdev_events.wait_for("ProjectCreated")
            assert created.scope == plexdev_project.domain_id

        def test_nats_asks_for_a_password_of_its_own(plexdev_stack):
            assert len(plexdev_stack.nats_url.partition("@")[0]) > len("nats://plexsphere:") + 24
        """
    )
    result = project.runpytest_subprocess(
        "--plexdev-stack=kind", "-v", "--plexdev-timeout=400", "--plexdev-keep=always"
    )
    result.assert_outcomes(passed=2)
    (directory,) = re.findall(r"stop it with: plexdev down --directory (\S+)", result.stdout.str())
    capfd.readouterr()

    assert main.main(["status", "--directory", directory]) == main.main(["env", "--directory", directory]) == 0
    assert main.main(["wait", "--timeout", "20", "--directory", directory]) == 0
    output = capfd.readouterr().out
    assert re.search("^deployment/plexsphere +ready", output, re.MULTILINE)
    (cluster,) = set(re.findall("kind stack (plexdev-[0-9a-f]+)", result.stdout.str()))
    assert cluster in clusters()

    assert main.main(["down", "--directory", directory]) == 0
    assert cluster not in clusters()
    assert not Path(directory).parent.exists()
