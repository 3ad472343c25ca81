"""Selection of the real Dex and SpiceDB, each independently, from ``PATH``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.servers import spicedb
from pytest_plexdev.stack.embedded.servers.dex import find_dex
from pytest_plexdev.stack.embedded.settings import Prefer

VERSION_OUTPUT = {"dex": "Dex Version: v2.41.1", "spicedb": "spicedb v1.39.0"}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts programs that only print their version on an otherwise empty ``PATH``."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(*names: str, **output: str) -> None:
        for name in names:
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\necho '{output.get(name, VERSION_OUTPUT[name])}'\n")
            program.chmod(0o755)

    return install


def real(prefer: Prefer = "real") -> set[str]:
    dex = find_dex(EmbeddedSettings(id="t", prefer=prefer))
    return {name for name, found in (("dex", dex), ("spicedb", spicedb.find(prefer))) if found is not None}


@pytest.mark.parametrize("installed", [(), ("dex",), ("spicedb",), ("dex", "spicedb")])
def test_each_is_real_where_it_is_installed(install: Install, installed: tuple[str, ...]) -> None:
    install(*installed)

    assert real() == set(installed)


def test_stand_ins_are_forced(install: Install) -> None:
    install("dex", "spicedb")

    assert real("stand-in") == set()


def test_another_program_named_dex_is_none(install: Install) -> None:
    install("dex", "spicedb", dex="dex 0.9.0, a DesktopEntry executor")

    assert real() == {"spicedb"}


def test_the_versions_are_what_the_programs_say(install: Install) -> None:
    install("dex")
    found = find_dex(EmbeddedSettings(id="t"))

    assert found is not None
    assert found.version == "2.41.1"
    assert spicedb.parse_version(VERSION_OUTPUT["spicedb"] + "\n") == "1.39.0"
