"""The options of a run or a command reach the settings of its provider."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pytest

from docs.generate.options import READ_BY_UP
from pytest_plexdev.cli.environment import request_for
from pytest_plexdev.cli.output import Parser
from pytest_plexdev.cli.stack_parser import add_stack_commands
from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.provider import Provider
from pytest_plexdev.options import OPTIONS, Option, resolve
from pytest_plexdev.options.model import BRING_UP_SECONDS
from pytest_plexdev.options.table import STACKS
from pytest_plexdev.stack import providers
from pytest_plexdev.stack.embedded import settings as embedded
from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
from pytest_plexdev.stack.kind import settings as kind
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.request import RunOwner, StackRequest, UpOptions

_IMPLEMENT_THE_INTERFACE: tuple[Provider, ...] = (KindProvider(), EmbeddedProvider())  # for mypy


def request(
    directory: Path, *, seed: Path | None = None, overlay: Path | None = None, is_fresh: bool = True, **options: object
) -> StackRequest:
    return StackRequest(
        resolve=lambda: resolve({f"plexdev_{name}": value for name, value in options.items()}, {}, {}),
        seed=lambda *, for_reference_plane: seed,
        overlay=lambda: overlay,
        explain=lambda error, _: error,
        run=RunOwner(directory=directory, controller_pid=os.getpid()) if is_fresh else None,
    )


def test_the_option_names_every_provider_of_the_table() -> None:
    assert sorted(providers.PROVIDERS) == sorted(STACKS)
    assert [provider.name for provider in providers.providers()] == [*providers.PROVIDERS]


def test_a_fresh_cluster_is_made_of_what_options_and_plugins_say(tmp_path: Path) -> None:
    seed, images = tmp_path / "seed.yaml", ["plexsphere=plexsphere:mine"]
    settings = kind.settings_for(
        request(tmp_path, seed=seed, overlay=tmp_path, stack="kind", images=images, timeout="9", kind_image="node:1")
    )

    assert (settings.seed, settings.overlay, settings.images) == (seed, tmp_path, {"plexsphere": "plexsphere:mine"})
    assert (settings.timeout, settings.kind_image, settings.run_directory) == (9.0, "node:1", tmp_path)
    assert settings.owner is not None
    assert settings.owner.pid == os.getpid()


def test_a_run_s_cluster_is_lean_unless_an_option_says_otherwise(tmp_path: Path) -> None:
    lean = kind.settings_for(request(tmp_path, stack="kind"))
    full = kind.settings_for(request(tmp_path, stack="kind", profile="full"))

    assert (lean.profile, full.profile) == ("lean", "full")


def test_a_run_s_cluster_has_the_services_that_its_tests_need(tmp_path: Path) -> None:
    needs_full = replace(request(tmp_path, stack="kind"), profile="full")
    told = replace(request(tmp_path, stack="kind", profile="lean"), profile="full")

    assert kind.settings_for(needs_full).profile == "full"
    assert kind.settings_for(told).profile == "lean"


def test_a_running_stack_keeps_its_profile_unless_told(tmp_path: Path) -> None:
    open_ = kind.settings_for(request(tmp_path, is_fresh=False, dev_stack="1", stack="kind"))
    told = kind.settings_for(request(tmp_path, is_fresh=False, dev_stack="1", stack="kind", profile="lean"))

    assert open_.for_running("full").profile == "full"
    assert told.for_running("full").profile == "lean"


def test_a_new_warm_cluster_is_full_unless_told_or_of_an_overlay(tmp_path: Path) -> None:
    other = replace(request_for("kind", UpOptions()), overlay=lambda: tmp_path)

    assert kind.settings_for(request_for("kind", UpOptions())).profile == "full"
    assert kind.settings_for(request_for("kind", UpOptions())).for_running("lean").profile == "lean"
    assert kind.settings_for(request_for("kind", UpOptions(profile="lean"))).profile == "lean"
    assert kind.settings_for(other).profile == "lean"


def test_up_takes_its_profile_from_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_PROFILE", "full")

    assert kind.settings_for(request_for("kind")).profile == "full"
    assert kind.settings_for(request_for("kind", UpOptions(profile="lean"))).profile == "lean"


def test_each_run_has_one_cluster_for_its_workers(tmp_path: Path) -> None:
    names = {kind.settings_for(request(tmp_path / run, stack="kind")).name for run in ("a", "a", "b")}

    assert len(names) == 2
    assert kind.settings_for(request(tmp_path, stack="kind")).api_port == 0


def test_an_overlay_of_the_command_line_goes_before_a_plugins(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    asked = request(tmp_path, overlay=theirs, is_fresh=False, dev_stack="1", stack="kind")
    assert kind.settings_for(asked).overlay == theirs

    named = request(
        tmp_path, overlay=theirs, is_fresh=False, dev_stack="1", stack="kind", on_drift="ignore", timeout="7"
    )
    settings = kind.settings_for(replace(named, resolve=lambda: replace(named.options, overlay=mine)))
    assert (settings.overlay, settings.on_drift, settings.timeout) == (mine, "ignore", 7.0)


def test_fresh_processes_take_free_ports_and_end_with_the_run(tmp_path: Path) -> None:
    settings = embedded.settings_for(request(tmp_path, prefer="stand-in", timeout="9"))

    assert (settings.api_port, settings.idp_port, settings.run_directory) == (0, 0, tmp_path)
    assert (settings.prefer, settings.timeout) == ("stand-in", 9.0)
    assert settings.owner is not None
    assert settings.owner.pid == os.getpid()


def test_up_takes_its_timeout_from_the_option_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    five = UpOptions(timeout=5.0)
    monkeypatch.delenv("PLEXDEV_TIMEOUT", raising=False)
    assert kind.settings_for(request_for("kind")).timeout == 300.0
    assert embedded.settings_for(request_for("embedded")).timeout == 60.0

    monkeypatch.setenv("PLEXDEV_TIMEOUT", "9")
    for settings_for, name in ((kind.settings_for, "kind"), (embedded.settings_for, "embedded")):
        assert settings_for(request_for(name)).timeout == 9.0
        assert settings_for(request_for(name, five)).timeout == 5.0


def test_up_prefers_as_its_option_or_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_PREFER", "stand-in")

    assert embedded.settings_for(request_for("embedded")).prefer == "stand-in"
    assert embedded.settings_for(request_for("embedded", UpOptions(prefer="real"))).prefer == "real"


def test_up_uses_the_runbooks_ports_unless_told_others() -> None:
    usual = embedded.settings_for(request_for("embedded"))
    chosen = embedded.settings_for(request_for("embedded", UpOptions(port=0, idp_port=7000)))

    assert (usual.api_port, usual.idp_port, usual.owner) == (8080, 5556, None)
    assert (chosen.api_port, chosen.idp_port) == (0, 7000)


GIVEN: Final[dict[str, Any]] = {
    "timeout": 5.0,
    "prefer": "stand-in",
    "port": 1,
    "idp_port": 2,
    "seed": seed_file(),
    "profile": "full",
    "prune": True,
    "reapply": True,
}
"""A value of each option of ``plexdev up`` that is not its default."""
OF_ONE_UP: Final = {"timeout", "reapply"}
"""Options about one bring-up. Another one with them makes the same stack."""


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def test_every_option_of_up_has_a_value_here() -> None:
    assert [field.name for field in fields(UpOptions)] == [*GIVEN]


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("provider", providers.PROVIDERS)
def test_a_provider_reads_or_refuses_an_option_of_up(provider: str, name: str) -> None:
    settings_for = {"kind": kind.settings_for, "embedded": embedded.settings_for}[provider]
    given = settings_for(request_for(provider, UpOptions(**{name: GIVEN[name]})))
    refusals = providers.provider_for(provider).texts.refusals

    is_read = given != settings_for(request_for(provider))
    assert is_read is not any(flag(name) in each.options for each in refusals)


def test_a_restart_command_has_every_option_of_up() -> None:
    settings = embedded.settings_for(request_for("embedded", UpOptions(**GIVEN)))
    parser = Parser()
    add_stack_commands(parser.add_subparsers())

    words = [word for option in embedded.options_of_up(settings) for word in option]
    parsed = vars(parser.parse_args(["up", *words]))

    refused = {option for each in EmbeddedProvider().texts.refusals for option in each.options}
    kept = [name for name in GIVEN if name not in OF_ONE_UP and flag(name) not in refused]
    assert {name: parsed[name] for name in kept} == {name: GIVEN[name] for name in kept}
    assert embedded.options_of_up(embedded.settings_for(request_for("embedded"))) == ()


def test_the_help_of_up_names_the_default_time_limits(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser()
    add_stack_commands(parser.add_subparsers())

    with pytest.raises(SystemExit):
        parser.parse_args(["up", "--help"])

    limits = f"else {BRING_UP_SECONDS:g} (embedded: {embedded.UP_TIMEOUT_S:g})"
    assert limits in " ".join(capsys.readouterr().out.split())


FROM_THE_ENVIRONMENT: Final = {
    "dev_stack": "1",
    "stack": "embedded",
    "profile": "full",
    "overlay": "/",
    "images": "plexsphere=plexsphere:mine",
    "prefer": "stand-in",
    "kind_image": "node:1",
    "keep": "always",
    "on_drift": "ignore",
    "timeout": "9",
    "output": "/",
    "report": "/timeline.html",
}
"""A value of each option that is not its default."""


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_page_says_which_variables_up_reads(option: Option, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in OPTIONS:
        monkeypatch.delenv(each.environment, raising=False)
    usual = embedded.settings_for(request_for("embedded")), kind.settings_for(request_for("kind"))
    monkeypatch.setenv(option.environment, FROM_THE_ENVIRONMENT[option.name])

    settings = embedded.settings_for(request_for("embedded")), kind.settings_for(request_for("kind"))
    assert (settings != usual) is (option.name in READ_BY_UP)
