from __future__ import annotations

import pytest

import pytest_plexdev.choose  # noqa: F401 (once for all runs in this process: each would have errors of its own class)

RIGHT_IMAGES = (
    "NAME must be one of busybox, dex, envoy, envoy-gateway, nats, plexsphere, plexsphere-migrate, postgres, spicedb"
)


def test_the_header_names_mode_source_and_stand_ins(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["plexdev: embedded stack (default), brought up when a test asks for it; *Dex and SpiceDB*stand-ins*"]
    )
    result.stdout.no_fnmatch_line("*- plexdev -*")


@pytest.mark.parametrize(
    ("arguments", "environment", "ini", "shown"),
    [
        (["--dev-stack"], {}, "", "the running stack (kind or embedded), by --dev-stack"),
        ([], {"DEV_STACK": "1"}, "", "the running stack (kind or embedded), by DEV_STACK"),
        ([], {}, "plexdev_dev_stack = true", "the running stack (kind or embedded), by plexdev_dev_stack"),
        (["--plexdev-stack=embedded"], {"PLEXDEV_STACK": "kind"}, "", "embedded stack (--plexdev-stack)"),
        ([], {"PLEXDEV_STACK": "attached"}, "plexdev_stack = kind", "attached stack (PLEXDEV_STACK)"),
        ([], {}, "plexdev_stack = kind", "kind stack (plexdev_stack)"),
        (["--plexdev-stack=kind"], {}, "", "every service in its container, no stand-ins"),
        (["--dev-stack"], {}, "", "Dex and SpiceDB as it has them"),
        (["--dev-stack", "--plexdev-on-drift=ignore"], {}, "", "on-drift=ignore (--plexdev-on-drift)"),
        ([], {"PLEXDEV_KEEP": "always"}, "", "keep=always (PLEXDEV_KEEP)"),
        ([], {"PLEXDEV_CONTEXT": "mine"}, "", "; not for this stack: context=mine (PLEXDEV_CONTEXT)\n"),
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
        (["--plexdev-stack=docker"], "--plexdev-stack=docker: must be one of embedded, kind, attached"),
        (["--plexdev-keep=maybe"], "--plexdev-keep=maybe: must be one of never, on-failure, always"),
        (["--plexdev-image=a"], "--plexdev-image=a: must be NAME=REF"),
        (["--plexdev-stack=kind", "--plexdev-image=foo=bar"], f"--plexdev-image=foo=bar: {RIGHT_IMAGES}"),
        (["--plexdev-stack=kind", "--plexdev-image=nats=n:1", "--plexdev-image=foo=bar"], f"foo=bar: {RIGHT_IMAGES}"),
        (["--dev-stack", "--plexdev-image=python=p:1"], f"--plexdev-image=python=p:1: {RIGHT_IMAGES}"),
        (["--plexdev-stack=kind", "-o", "plexdev_images=foo=bar"], f"plexdev_images=foo=bar: {RIGHT_IMAGES}"),
        (["--plexdev-overlay=."], "--plexdev-overlay needs --plexdev-stack=attached or --plexdev-stack=kind"),
        (["--dev-stack", "--plexdev-stack=attached"], "--plexdev-stack is embedded or kind, not attached"),
        (["--dev-stack", "--plexdev-keep=always"], "--plexdev-keep is for a stack that the run brings up"),
        (["--plexdev-stack=attached"], "plexdev[not-in-this-version]: --plexdev-stack=attached is not in this version"),
        (["-o", "plexdev_dev_stack=maybe"], "maybe"),
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
    helped.stdout.fnmatch_lines(["plexsphere dev stack (pytest-plexdev):", "*--plexdev-stack=embedded|kind|attached*"])
    assert project.runpytest_inprocess("--version").ret == 0


def test_images_that_no_stack_of_the_run_reads_are_not_its_business(
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


def test_markers_are_registered(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_marked="import pytest\n\n@pytest.mark.golden\n@pytest.mark.slow\ndef test_marked():\n    pass\n"
    )

    project.runpytest_inprocess("--strict-markers").assert_outcomes(passed=2)
    project.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.golden: *", "@pytest.mark.slow: *"])


def test_the_plugin_can_be_left_out(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("-p", "no:plexdev")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("plexdev:*")
