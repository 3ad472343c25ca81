"""The folders and logs that a run keeps, and a report that cannot be masked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.fake_stack import CONFTEST
from tests.support.never_costs import run

FAILS = "def test_fails():\n    assert False\n\ndef test_passes():\n    pass\n"


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_fails=FAILS)
    return project


def test_looking_at_tests_needs_nothing_of_it(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--co", "-q")

    assert result.ret == 0
    assert not (project.path / ".plexdev").exists()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_folder_of_a_test_is_removed_once_it_passes(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    project.makepyfile(
        test_fails="""
        import os, pytest

        @pytest.mark.parametrize("p", ["1", "-1", "a/b", "a-b", "A-b"])
        def test_p(p):
            assert "GREEN" in os.environ, p

        def test_no():
            assert False
        """
    )
    run(project, *workers).assert_outcomes(passed=1, failed=6)
    folders = list((project.path / ".plexdev").glob("[!.]*/"))
    assert len(folders) == 6
    (project.path / ".plexdev" / "mine").mkdir()

    monkeypatch.setenv("GREEN", "1")
    run(project, *workers).assert_outcomes(passed=6, failed=1)
    assert sorted(path.name for path in (project.path / ".plexdev").iterdir()) == [
        ".gitignore",
        "events.jsonl",
        "mine",
        "test_fails.py-test_no",
    ]


def test_evidence_is_below_rootdir_wherever_pytest_was_started(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.makepyfile(
        test_fails=f"import os\n\ndef test_fails():\n    os.chdir({str(tmp_path)!r})\n    assert False\n"
        "\ndef test_again():\n    assert False\n"
    )
    below = project.mkdir("below")
    monkeypatch.chdir(below)
    result = run(project, "--plexdev-report=report.html", "-W", "error", f"{project.path}/test_fails.py")

    kept = [path.name for path in (project.path / ".plexdev").glob("[!.]*/")]
    assert sorted(kept) == ["test_fails.py-test_again", "test_fails.py-test_fails"]
    assert list(tmp_path.iterdir()) == []
    assert (below / "report.html").exists()
    result.stdout.fnmatch_lines([f"  evidence: {project.path}/.plexdev/test_fails.py-test_fails"])


def test_the_users_own_directory_as_output_keeps_the_users_files(project: pytest.Pytester) -> None:
    before = {path.name for path in project.path.iterdir()}
    (project.path / "bring-up").mkdir()
    run(project, "--plexdev-output=.", "-p", "no:cacheprovider")

    new = {path.name for path in project.path.iterdir()} - before - {"__pycache__"}
    assert new == {"bring-up", "events.jsonl", "test_fails.py-test_fails"}


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_no_error_names_a_log_that_goes_with_the_run(project: pytest.Pytester, workers: list[str]) -> None:
    project.makepyfile(
        test_fails="""
        from pytest_plexdev.session import run
        from pytest_plexdev.errors import NO_EVENT, SEED_MISSING, PlexdevError

        def missing(config):
            return PlexdevError(SEED_MISSING, slug="x", found="nothing", log=run.get_run(config).running.log_file)

        def test_event(request):
            log = str(run.get_run(request.config).running.log_file)
            raise PlexdevError(NO_EVENT, wanted="X", seconds=1.0, seen="nothing", log=log)

        def test_chained(request):
            try:
                raise missing(request.config)
            except PlexdevError as error:
                raise ValueError("outer") from error

        def test_group(request):
            raise ExceptionGroup("two", [missing(request.config), ValueError()])
        """
    )
    result = run(project, *workers)

    output = result.stdout.str()
    assert "/stack/logs/" not in output
    for test in ("event", "chained", "group"):
        copy = Path(".plexdev") / f"test_fails.py-test_{test}" / "plexsphere.log"
        assert f"read {copy}" in output
        assert (project.path / copy).read_text() == "a line of the log, token psk_***\n"


@pytest.mark.parametrize("arguments", [["--dev-stack"], ["--plexdev-keep=always"]])
def test_a_log_that_stays_is_named_where_it_is(project: pytest.Pytester, arguments: list[str]) -> None:
    project.makepyfile(
        test_fails="""
        from pytest_plexdev.session import run
        from pytest_plexdev.errors import NO_EVENT, PlexdevError

        def test_event(pytestconfig):
            log = run.get_run(pytestconfig).running.log_file
            raise PlexdevError(NO_EVENT, wanted="X", seconds=1.0, seen="nothing", log=log)
        """
    )
    run(project, *arguments).stdout.fnmatch_lines([f"  fix: read {os.sep}*/stack/logs/plexsphere.log: *"])


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_test_that_fails_twice_has_its_folder_listed_once(project: pytest.Pytester, workers: list[str]) -> None:
    project.makepyfile(
        test_fails="""
        import pytest

        @pytest.fixture
        def leaves():
            yield
            assert not "torn down"

        def test_twice(leaves):
            assert not "called"
        """
    )
    result = run(project, *workers)

    result.assert_outcomes(passed=1, failed=1, errors=1)
    listed = [line for line in result.outlines if line.startswith("  evidence: ")]
    assert listed == ["  evidence: .plexdev/test_fails.py-test_twice"]


SECRET = "psk_dev_aaaa_bbbb"
PRINTS_A_SECRET = f"""
import pytest

@pytest.fixture
def plexdev_stack():
    pass

def test_fails(plexdev_stack):
    token = "{SECRET[:4]}" + "{SECRET[4:]}"
    print("printed", token)
    raise ValueError(f"raised {{token}}")

def test_skips(plexdev_stack):
    print("printed", "{SECRET[:4]}" + "{SECRET[4:]}")
    pytest.skip("not here")
"""


@pytest.mark.parametrize("part", ["mask", "_mask_entry"])
def test_a_report_that_cannot_be_masked_does_not_go_out(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise LookupError(f"no mask for {SECRET}")

    project.makepyfile(test_fails=PRINTS_A_SECRET)
    monkeypatch.setattr(f"pytest_plexdev.session.masked_report.{part}", broken)
    result = run(project, "--junitxml=junit.xml", "-rA", "-l", "-o", "junit_logging=all")

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    why = "plexdev: not shown, because secrets in it could not be masked: LookupError in test_kept_files.py:"
    junit = (project.path / "junit.xml").read_text()
    for shown in (result.stdout.str(), junit):
        assert SECRET not in shown
        assert why in shown
        assert "not here" in shown or part == "mask"
