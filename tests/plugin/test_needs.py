"""The marker ``plexdev_needs``."""

from __future__ import annotations

import pytest

from tests.support.fake_stack import CONFTEST

NEEDS_MIMIR = """
import pytest

@pytest.fixture
def plexdev_stack(request):
    from pytest_plexdev.session.run import get_run
    return get_run(request.config).running

@pytest.mark.plexdev_needs("mimir")
def test_metrics(plexdev_stack):
    raise AssertionError("its stack has no mimir")

@pytest.mark.plexdev_needs("plexsphere")
def test_api(plexdev_stack):
    pass
"""

# A stack of processes with a stand-in for SpiceDB, the real Dex, and no capability.
WITH_STAND_IN = CONFTEST.replace(
    "services=(",
    'services=(Service(name="dex", version="1"),'
    ' Service(name="spicedb", version="1", stands_in_for="SpiceDB 1.39.0"), ',
)
OTHER_NEEDS = (
    NEEDS_MIMIR.partition("@pytest.mark")[0]
    + """
@pytest.mark.plexdev_needs("spicedb:real")
def test_real(plexdev_stack):
    raise AssertionError("a stand-in")

@pytest.mark.plexdev_needs("kind")
def test_cluster(plexdev_stack):
    raise AssertionError("no cluster")

@pytest.mark.plexdev_needs("age-heartbeat")
def test_capability(plexdev_stack):
    raise AssertionError("not capable")

@pytest.mark.plexdev_needs("dex:real", "embedded", "spicedb")
def test_that_runs(plexdev_stack):
    pass
"""
)
NEEDS_KIND = """
import pytest

@pytest.mark.plexdev_needs("kind")
def test_cluster(plexdev_stack):
    raise AssertionError("no cluster")
"""


def test_a_test_is_skipped_if_its_service_is_missing(project: pytest.Pytester) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_needs=NEEDS_MIMIR)
    result = project.runpytest_subprocess("-rs", "test_needs.py")

    result.assert_outcomes(passed=1, skipped=1)
    fix = (
        "pytest --plexdev-stack=kind --plexdev-profile=full; without a cluster: put mimir on PATH and pytest "
        "--plexdev-profile=full (for --dev-stack: plexdev up --stack embedded --profile full); for --dev-stack: "
        "plexdev up --stack kind --profile full"
    )
    result.stdout.fnmatch_lines([f"SKIPPED*plexdev[[]service-left-out[]]: the stack has no mimir; {fix}"])


def test_other_needs_skip_with_the_command_that_has_them(project: pytest.Pytester) -> None:
    project.makeconftest(WITH_STAND_IN)
    project.makepyfile(test_needs=OTHER_NEEDS)
    result = project.runpytest_subprocess("-rs", "test_needs.py")

    result.assert_outcomes(passed=1, skipped=3)
    stand_in = "stand-in[]]: spicedb is a stand-in for SpiceDB 1.39.0 in this stack; put spicedb on PATH and pytest"
    stack = (
        "other-stack[]]: the stack is embedded, and the test needs kind; pytest --plexdev-stack=kind; for --dev-stack"
    )
    capability = "capability-missing[]]: the stack does not have the capability age-heartbeat; run it on the reference"
    result.stdout.fnmatch_lines_random([f"SKIPPED*plexdev[[]{each}*" for each in (stand_in, stack, capability)])


def test_no_stack_is_started_for_a_test_of_another(project: pytest.Pytester) -> None:
    project.makepyfile(test_kind=NEEDS_KIND)
    result = project.runpytest_subprocess("-rs", "test_kind.py")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*plexdev[[]other-stack[]]: the stack is embedded, *"])
    result.stdout.no_fnmatch_line("embedded stack plexdev-*")


@pytest.mark.parametrize(
    ("marker", "output"),
    [
        ("plexdev_needs('mimr')", ["*test_needs.py::test_metrics: plexdev*mimr*", "*did you mean mimir?"]),
        ("plexdev_needs('spicedb:rael')", ["*spicedb:rael*", "*did you mean spicedb:real?"]),
        ("plexdev_needs(['mimir'])", ["*test_metrics: the marker plexdev_needs takes names, for example *"]),
        ("plexdev_needs(service='mimir')", ["*test_metrics: the marker plexdev_needs takes names, for example *"]),
        ("plexdev_needs()", ["*test_needs.py::test_metrics: the marker plexdev_needs names nothing*"]),
    ],
)
def test_a_wrong_marker_is_a_usage_error(project: pytest.Pytester, marker: str, output: list[str]) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_needs=NEEDS_MIMIR.replace('plexdev_needs("mimir")', marker))
    result = project.runpytest_subprocess("test_needs.py")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(output)


def test_a_wrong_marker_of_a_deselected_test_is_ignored(project: pytest.Pytester) -> None:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_needs=NEEDS_MIMIR.replace('plexdev_needs("mimir")', "plexdev_needs('mimr')"))

    project.runpytest_subprocess("test_needs.py", "-k", "api").assert_outcomes(passed=1, deselected=1)
