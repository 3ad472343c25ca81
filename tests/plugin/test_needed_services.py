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


@pytest.mark.parametrize(
    ("marker", "output"),
    [
        ("plexdev_needs('mimr')", ["*test_needs.py::test_metrics: plexdev*mimr*", "*did you mean mimir?"]),
        ("plexdev_needs()", ["*test_needs.py::test_metrics: the marker plexdev_needs names no service*"]),
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
