"""Versions of programs and of the engine, which are fakes because old versions cannot be installed here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import prerequisites
from tests.support.engine import Engine, serving

KIND = "echo kind v0.30.0 go1.26.8 linux/amd64"
KUBECTL = """echo '{"clientVersion": {"gitVersion": "VERSION"}}'"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name, line in {"docker": "", "kind": KIND, "kubectl": KUBECTL.replace("VERSION", "v1.34.1")}.items():
        script(tmp_path, name, line)
    return tmp_path


@pytest.fixture
def engine(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with serving(programs) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield engine


def script(directory: Path, name: str, line: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


def told() -> list[Verdict]:
    events: list[ProgressEvent] = []
    prerequisites.check(events.append)
    return [event.verdict for event in events if isinstance(event, VerdictChanged)]


def test_new_ones_pass_without_a_word(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")

    assert told() == []


def test_another_provider_of_kind_is_said_not_to_be_used(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")

    (output,) = told()

    assert (output.name, output.state) == ("kind", "ready")
    assert "KIND_EXPERIMENTAL_PROVIDER=podman is ignored" in output.reason


@pytest.mark.parametrize(
    ("name", "line", "version", "wanted"),
    [
        ("kind", "echo kind v0.25.0 go1.23.8 linux/amd64", "0.25.0", "0.26"),
        ("kubectl", KUBECTL.replace("VERSION", "v1.31.9"), "1.31.9", "1.32"),
    ],
)
def test_too_old_ones_are_refused(
    engine: Engine, programs: Path, name: str, line: str, version: str, wanted: str
) -> None:
    script(programs, name, line)

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "tool-too-old"
    assert f"{name} is version {version}" in str(refusal.value)
    assert f"{wanted} or newer" in str(refusal.value)


def test_a_too_old_engine_is_refused(engine: Engine) -> None:
    engine.version = "19.03.15"

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "tool-too-old"
    assert "docker is version 19.03.15; a stack on a kind cluster needs 20.10 or newer" in str(refusal.value)


def test_one_below_the_runbooks_pin_is_told_and_used(engine: Engine) -> None:
    engine.version = "20.10.24+dfsg1"

    (verdict,) = told()

    assert verdict.name == "docker"
    assert verdict.reason == "is 20.10.24+dfsg1; the dev stack's runbook requires 24.0 or newer"


def test_a_version_that_says_nothing_is_told(engine: Engine, programs: Path) -> None:
    script(programs, "kind", "echo devel")

    assert [verdict.name for verdict in told()] == ["kind"]


def test_docker_that_does_not_answer(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{programs}/no.sock")

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "docker-silent"
    assert f"unix://{programs}/no.sock" in str(refusal.value)


def test_a_missing_one_says_what_to_install(engine: Engine, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs))
    (programs / "kind").unlink()

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "tool-missing"
    assert "install kind 0.26 or newer" in str(refusal.value)


def test_they_are_asked_at_the_same_time(engine: Engine, programs: Path) -> None:
    for name in ("kind", "kubectl"):
        printed = (programs / name).read_text().partition("\n")[2].strip()
        script(programs, name, f"sleep 0.4; {printed}")
    engine.gate.clear()
    threading.Timer(0.4, engine.gate.set).start()
    began = time.monotonic()

    told()

    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.32.4-dispatcher", (1, 32, 4)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("kind v0.30.0 go1.26", (0, 30, 0)),
        ("?", ()),
    ],
)
def test_a_version_is_the_first_dotted_number(text: str, expected: tuple[int, ...]) -> None:
    assert prerequisites.numbers(text) == expected
