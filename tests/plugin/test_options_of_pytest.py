from __future__ import annotations

import re
from pathlib import Path

import pytest

import pytest_plexdev.session.acquire  # noqa: F401 (imported once for all runs in this process, else each run has its own error classes)
from pytest_plexdev.options import OPTIONS
from pytest_plexdev.options.environment import known_variables

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "pytest_plexdev" / "golden" / "test_golden_flow.py"
RIGHT_IMAGES = (
    "NAME must be one of busybox, crossplane, dex, envoy, envoy-gateway, external-secrets, loki, mimir, nats, openbao, "
    "plexsphere, plexsphere-migrate, postgres, seaweedfs, spicedb"
)
WITH_PLEXD = RIGHT_IMAGES.replace("openbao, ", "openbao, plexd, ")
"""The names in a variable or an ini file, which `plexdev up plexd` reads too."""


def test_the_header_names_mode_source_and_stand_ins(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["plexdev: embedded stack (default), started when a test requests it; *Dex and SpiceDB*stand-ins*"]
    )
    result.stdout.no_fnmatch_line("*- plexdev -*")


@pytest.mark.parametrize(
    ("arguments", "environment", "ini", "shown"),
    [
        (["--dev-stack"], {}, "", "the running stack (kind or embedded), by --dev-stack"),
        ([], {"DEV_STACK": "1"}, "", "the running stack (kind or embedded), by DEV_STACK"),
        ([], {}, "plexdev_dev_stack = true", "the running stack (kind or embedded), by plexdev_dev_stack"),
        (["--plexdev-stack=embedded"], {"PLEXDEV_STACK": "kind"}, "", "embedded stack (--plexdev-stack)"),
        ([], {"PLEXDEV_STACK": "embedded"}, "plexdev_stack = kind", "embedded stack (PLEXDEV_STACK)"),
        ([], {}, "plexdev_stack = kind", "kind stack (plexdev_stack)"),
        (["--plexdev-stack=kind"], {}, "", "every service in its container, no stand-ins"),
        (["--dev-stack"], {}, "", "Dex and SpiceDB of that stack"),
        (["--dev-stack", "--plexdev-on-drift=ignore"], {}, "", "on-drift=ignore (--plexdev-on-drift)"),
        ([], {"PLEXDEV_KEEP": "always"}, "", "keep=always (PLEXDEV_KEEP)"),
        ([], {"PLEXDEV_KIND_IMAGE": "i"}, "", "; not for this stack: kind-image=i (PLEXDEV_KIND_IMAGE)\n"),
        (
            ["--dev-stack"],
            {"PLEXDEV_KEEP": "always", "PLEXDEV_ON_DRIFT": "apply"},
            "plexdev_prefer = stand-in",
            "; on-drift=apply (PLEXDEV_ON_DRIFT); not for this stack: prefer=stand-in (plexdev_prefer), keep=always",
        ),
        (["--plexdev-prefer=stand-in"], {}, "", "stand-ins for Dex and SpiceDB (--plexdev-prefer)"),
    ],
)
def test_every_source_is_named(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    ini: str,
    shown: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    project.makeini(f"[pytest]\n{ini}\n")
    result = project.runpytest_inprocess(*arguments)

    assert result.ret == 0
    assert shown in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plexdev-stack=docker"], "--plexdev-stack=docker: must be one of embedded, kind"),
        (["--plexdev-keep=maybe"], "--plexdev-keep=maybe: must be one of never, on-failure, always"),
        (["--plexdev-image=a"], "--plexdev-image=a: must be NAME=REF"),
        (["--plexdev-stack=kind", "--plexdev-image=foo=bar"], f"--plexdev-image=foo=bar: {RIGHT_IMAGES}"),
        (["--plexdev-stack=kind", "--plexdev-image=nats=n:1", "--plexdev-image=foo=bar"], f"foo=bar: {RIGHT_IMAGES}"),
        (["--dev-stack", "--plexdev-image=python=p:1"], f"--plexdev-image=python=p:1: {RIGHT_IMAGES}"),
        (["--plexdev-stack=kind", "-o", "plexdev_images=foo=bar"], f"plexdev_images=foo=bar: {WITH_PLEXD}"),
        (["--plexdev-overlay=."], "--plexdev-overlay needs --plexdev-stack=kind"),
        (["--dev-stack", "--plexdev-keep=always"], "--plexdev-keep is for a stack that the run starts"),
        (["-o", "plexdev_dev_stack=maybe"], "plexdev_dev_stack=maybe: must be 1 or 0 (source: ini file)"),
        (["-o", "plexdev_timeout=never"], "plexdev_timeout=never: must be a number of seconds above 0"),
    ],
)
def test_a_wrong_option_is_a_usage_error(project: pytest.Pytester, arguments: list[str], message: str) -> None:
    result = project.runpytest_inprocess(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()


def test_a_wrong_variable_is_a_usage_error_and_help_still_works(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEXDEV_KEEP", "yes")

    assert project.runpytest_inprocess().ret == pytest.ExitCode.USAGE_ERROR
    helped = project.runpytest_inprocess("--help")
    assert helped.ret == 0
    helped.stdout.fnmatch_lines(["plexsphere dev stack (pytest-plexdev):", "*--plexdev-stack=embedded|kind"])
    assert project.runpytest_inprocess("--version").ret == 0


def test_images_are_checked_only_if_the_stack_reads_them(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEXDEV_IMAGES", "foo=bar")

    assert project.runpytest_inprocess().ret == 0
    assert project.runpytest_inprocess("--dev-stack", "--plexdev-stack=embedded").ret == 0
    refused = project.runpytest_inprocess("--plexdev-stack=kind")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "PLEXDEV_IMAGES=foo=bar: NAME must be one of" in refused.stderr.str()


def test_images_in_place_of_others_are_taken(project: pytest.Pytester) -> None:
    pairs = ["--plexdev-image=nats=nats:2.11", "--plexdev-image=plexsphere-migrate=mine:1"]

    project.runpytest_inprocess("--plexdev-stack=kind", *pairs).assert_outcomes(passed=1)


def test_the_golden_marker_is_registered_and_slow_is_not(project: pytest.Pytester) -> None:
    project.makepyfile(test_marked="import pytest\n\n@pytest.mark.golden\ndef test_marked():\n    pass\n")

    project.runpytest_inprocess("--strict-markers").assert_outcomes(passed=2)
    markers = project.runpytest_inprocess("--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.golden: *"])
    markers.stdout.no_fnmatch_line("@pytest.mark.slow*")


@pytest.mark.parametrize("arguments", [["--pyargs", "pytest_plexdev.golden"], [str(GOLDEN)], [str(GOLDEN.parent)]])
def test_the_golden_package_registers_its_own_marker(project: pytest.Pytester, arguments: list[str]) -> None:
    result = project.runpytest_subprocess("--strict-markers", "--collect-only", "-q", *arguments)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_9_a_silent_node_is_noticed_and_comes_back"])


def test_help_has_the_default_of_every_option(project: pytest.Pytester) -> None:
    shown = re.sub(r"\s+", " ", project.runpytest_inprocess("--help").stdout.str())

    for option in OPTIONS:
        assert option.full_help in shown
    assert "time limit of a bring-up; with --dev-stack, of one in progress or of re-applying drift" in shown
    assert "(default: 300; environment PLEXDEV_TIMEOUT, ini plexdev_timeout)" in shown


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pyproject.toml", "[tool.pytest]\nplexdev_timeout = 60\nplexdev_dev_stack = true\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\nplexdev_timeout = 60\nplexdev_dev_stack = true\n"),
        ("pytest.toml", "[pytest]\nplexdev_timeout = 60.0\nplexdev_dev_stack = true\n"),
        ("pytest.ini", "[pytest]\nplexdev_timeout = 60\nplexdev_dev_stack = true\n"),
    ],
)
def test_numbers_and_booleans_are_read_from_every_kind_of_file(
    project: pytest.Pytester, file: str, content: str
) -> None:
    (project.path / "tox.ini").unlink()
    (project.path / file).write_text(content)
    result = project.runpytest_inprocess("-W", "error")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the running stack (*by plexdev_dev_stack*; timeout=60.0 (plexdev_timeout)*"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plexdev_dev_stack = 'maybe'", "plexdev_dev_stack=maybe: must be 1 or 0 (source: ini file)"),
        ("plexdev_timeout = true", "plexdev_timeout=True: must be a number of seconds above 0 (source: ini file)"),
        ("plexdev_timeout = [1, 2]", "plexdev_timeout=1 2: must be a number of seconds above 0"),
        ("plexdev_keep = false", "plexdev_keep=False: must be one of never, on-failure, always"),
        ("plexdev_images = [1]", "plexdev_images=1: must be NAME=REF"),
        ("plexdev_output = ''", "plexdev_output=: must be a path (source: ini file)"),
    ],
)
def test_a_wrong_toml_value_is_a_usage_error_naming_the_option(
    project: pytest.Pytester, line: str, message: str
) -> None:
    (project.path / "tox.ini").unlink()
    (project.path / "pytest.toml").write_text(f"[pytest]\n{line}\n")
    result = project.runpytest_inprocess("-W", "error")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("PLEXDEV_STCK", "plexdev: warning: nothing reads PLEXDEV_STCK; did you mean PLEXDEV_STACK?"),
        ("PLEXDEV_IMAGE", "plexdev: warning: nothing reads PLEXDEV_IMAGE; did you mean PLEXDEV_IMAGES?"),
        ("PLEXDEV_XQZ", "plexdev: warning: nothing reads PLEXDEV_XQZ"),
    ],
)
def test_a_variable_that_nothing_reads_is_told(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str, line: str
) -> None:
    monkeypatch.setenv(variable, "kind")

    result = project.runpytest_inprocess("-W", "error")

    result.assert_outcomes(passed=1)
    assert line in result.stdout.lines


@pytest.mark.parametrize("arguments", [["-q"], ["-qq"], ["--no-header"], ["-q", "--no-summary"], ["-q", "-n", "1"]])
def test_it_is_told_once_without_a_header_too(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_STCK", "kind")

    start = project.runpytest_subprocess if "-n" in arguments else project.runpytest_inprocess
    result = start("-W", "error", *arguments)

    assert result.ret == 0
    warnings = [line for line in (*result.outlines, *result.errlines) if "nothing reads" in line]
    assert warnings == ["plexdev: warning: nothing reads PLEXDEV_STCK; did you mean PLEXDEV_STACK?"]


def test_every_variable_that_is_read_or_exported_is_known(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*known_variables(), "PLEXDEV_TEST_REAL"]:
        if name not in {option.environment for option in OPTIONS}:
            monkeypatch.setenv(name, "x")

    project.runpytest_inprocess().stdout.no_fnmatch_line("*warning: nothing reads*")
    sources = [path for room in ("pytest_plexdev", "plexsphere_reference") for path in (ROOT / room).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r"\bPLEXDEV_[A-Z_]+[A-Z]\b", path.read_text())}
    assert {name for name in read if not name.startswith("PLEXDEV_TEST_")} - set(known_variables()) == set()


@pytest.mark.parametrize("source", ["command line", "environment", "ini file"])
def test_a_relative_path_counts_from_where_it_was_written(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    project.makeconftest(
        """
        from pytest_plexdev.session import run

        def pytest_unconfigure(config):
            print("output:", run.get_run(config).settings.output)
        """
    )
    below = project.mkdir("below")
    monkeypatch.chdir(below)
    if source == "environment":
        monkeypatch.setenv("PLEXDEV_OUTPUT", "out")
    arguments = {"command line": ["--plexdev-output=out"], "ini file": ["-o", "plexdev_output=out"]}.get(source, [])
    result = project.runpytest_inprocess(f"--rootdir={project.path}", str(project.path), *arguments)

    expected = project.path / "out" if source == "ini file" else below / "out"
    assert f"output: {expected}" in result.stdout.str()


def test_the_plugin_can_be_left_out(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("-p", "no:plexdev")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("plexdev:*")
