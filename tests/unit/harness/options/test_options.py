from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.options import OPTIONS, OptionError, resolve


def test_defaults_are_those_of_the_table() -> None:
    settings = resolve({}, {}, {})

    assert (settings.dev_stack, settings.stack, settings.prefer, settings.keep) == (False, "embedded", "real", "never")
    assert (settings.timeout, settings.output, settings.report) == (300.0, Path(".plexdev"), None)
    assert set(settings.sources.values()) == {"default"}
    assert settings.chosen_stack is None


@pytest.mark.parametrize(
    ("given", "value", "source"),
    [
        (({"plexdev_keep": "always"}, {"PLEXDEV_KEEP": "never"}, {"plexdev_keep": "never"}), "always", "command line"),
        (({}, {"PLEXDEV_KEEP": "always"}, {"plexdev_keep": "never"}), "always", "environment"),
        (({}, {"PLEXDEV_KEEP": ""}, {"plexdev_keep": "always"}), "always", "ini file"),
        (({"plexdev_keep": None}, {}, {"plexdev_keep": None}), "never", "default"),
    ],
)
def test_the_nearest_source_wins_and_is_named(given: tuple[Any, Any, Any], value: str, source: str) -> None:
    settings = resolve(*given)

    assert (settings.keep, settings.sources["keep"]) == (value, source)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("0", False), ("No", False), ("", False)])
def test_dev_stack_of_the_environment(text: str, value: object) -> None:
    assert resolve({}, {"DEV_STACK": text}, {}).dev_stack is value


@pytest.mark.parametrize(
    ("command_line", "environment", "ini", "message"),
    [
        ({"plexdev_stack": "docker"}, {}, {}, "--plexdev-stack=docker: must be one of embedded, kind"),
        ({}, {"PLEXDEV_KEEP": "yes"}, {}, "PLEXDEV_KEEP=yes: must be one of never, on-failure, always"),
        ({}, {}, {"plexdev_prefer": "dex"}, "plexdev_prefer=dex: must be one of real, stand-in"),
        ({}, {"DEV_STACK": "maybe"}, {}, "DEV_STACK=maybe: must be 1 or 0"),
        ({"plexdev_timeout": "0"}, {}, {}, "--plexdev-timeout=0: must be a number of seconds above 0"),
        ({"plexdev_timeout": "nan"}, {}, {}, "--plexdev-timeout=nan: must be a number of seconds above 0"),
        ({"plexdev_timeout": "soon"}, {}, {}, "--plexdev-timeout=soon: must be a number of seconds above 0"),
        ({"plexdev_overlay": "/no/such"}, {}, {}, "--plexdev-overlay=/no/such: must be an existing directory"),
        ({"plexdev_report": "r.txt"}, {}, {}, "--plexdev-report=r.txt: must be a file name that ends in .html"),
        ({"plexdev_images": ["plexsphere"]}, {}, {}, "--plexdev-image=plexsphere: must be NAME=REF"),
        ({"plexdev_kind_image": " "}, {}, {}, "--plexdev-kind-image= : must be a name that is not blank"),
    ],
)
def test_a_wrong_value_names_the_right_ones(
    command_line: dict[str, Any], environment: dict[str, str], ini: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as refusal:
        resolve(command_line, environment, ini)

    assert str(refusal.value).startswith(message)


def test_contradictions() -> None:
    with pytest.raises(OptionError, match=r"--plexdev-overlay needs --plexdev-stack=kind"):
        resolve({"plexdev_overlay": "/"}, {}, {})
    with pytest.raises(OptionError, match=r"--plexdev-kind-image needs --plexdev-stack=kind; the stack is embedded"):
        resolve({"plexdev_kind_image": "i"}, {}, {})
    with pytest.raises(OptionError, match=r"--plexdev-on-drift is for a running stack: .*--dev-stack"):
        resolve({"plexdev_on_drift": "apply", "plexdev_stack": "kind"}, {}, {})
    with pytest.raises(OptionError, match=r"--plexdev-prefer needs --plexdev-stack=embedded; the stack is kind"):
        resolve({"plexdev_prefer": "stand-in", "plexdev_stack": "kind"}, {}, {})


@pytest.mark.parametrize("option", ["keep=always", "prefer=real", "kind_image=i"])
def test_what_only_a_bring_up_reads_contradicts_a_running_stack(option: str) -> None:
    name, _, value = option.partition("=")
    flag = f"--plexdev-{name.replace('_', '-')}"
    with pytest.raises(OptionError, match=rf"{flag} is for a stack that the run starts; .*\(--dev-stack, environment"):
        resolve({f"plexdev_{name}": value}, {"DEV_STACK": "1"}, {})

    # Elsewhere it stands for other runs too.
    assert resolve({"plexdev_dev_stack": "1"}, {f"PLEXDEV_{name.upper()}": value}, {}).dev_stack


def test_the_timeout_also_limits_a_bring_up_because_of_drift() -> None:
    options = {"plexdev_dev_stack": "1", "plexdev_on_drift": "apply", "plexdev_timeout": "9"}

    assert resolve(options, {}, {}).timeout == 9.0


def test_what_only_a_cluster_reads_may_stand_in_the_environment() -> None:
    settings = resolve({}, {"PLEXDEV_IMAGES": "a=b:1, c=d:2", "PLEXDEV_KIND_IMAGE": "kindest/node:v1.32.0"}, {})

    assert settings.images == {"a": "b:1", "c": "d:2"}
    assert settings.kind_image == "kindest/node:v1.32.0"


def test_a_dev_stack_may_be_a_cluster_of_this_machine() -> None:
    assert resolve({"plexdev_dev_stack": "1", "plexdev_on_drift": "ignore"}, {}, {}).on_drift == "ignore"
    embedded = {"plexdev_on_drift": "apply", "plexdev_dev_stack": "1", "plexdev_stack": "embedded"}
    assert resolve(embedded, {}, {}).on_drift == "apply"  # of its seed


def test_every_option_has_its_three_names() -> None:
    assert [option.flag for option in OPTIONS if not option.flag.startswith("--plexdev-")] == ["--dev-stack"]
    assert len({option.environment for option in OPTIONS}) == len(OPTIONS)
