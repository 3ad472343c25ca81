"""Fake programs on PATH print other versions: old ones cannot be had here."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Event, Verdict, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster import prerequisites

GOOD = {"docker": "echo 28.0.1", "kind": "echo kind v0.30.0 go1.26.8 linux/amd64"}
KUBECTL = """echo '{"clientVersion": {"gitVersion": "VERSION"}}'"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for name, line in {**GOOD, "kubectl": KUBECTL.replace("VERSION", "v1.34.1")}.items():
        script(tmp_path, name, line)
    return tmp_path


def script(directory: Path, name: str, line: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


def told() -> list[Verdict]:
    events: list[Event] = []
    prerequisites.check(events.append)
    return [event.verdict for event in events if isinstance(event, VerdictChanged)]


def test_new_ones_pass_without_a_word(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")

    assert told() == []


def test_another_provider_of_kind_is_said_not_to_be_used(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")

    (said,) = told()

    assert (said.name, said.state) == ("kind", "ready")
    assert "KIND_EXPERIMENTAL_PROVIDER=podman is not obeyed" in said.reason


@pytest.mark.parametrize(
    ("name", "line", "version", "wanted"),
    [
        ("docker", "echo 19.03.15", "19.03.15", "20.10"),
        ("kind", "echo kind v0.25.0 go1.23.8 linux/amd64", "0.25.0", "0.26"),
        ("kubectl", KUBECTL.replace("VERSION", "v1.31.9"), "1.31.9", "1.32"),
    ],
)
def test_too_old_ones_are_refused(programs: Path, name: str, line: str, version: str, wanted: str) -> None:
    script(programs, name, line)

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "tool-too-old"
    assert f"{name} is version {version}" in str(refusal.value)
    assert f"{wanted} or newer" in str(refusal.value)


def test_one_below_the_runbooks_pin_is_told_and_used(programs: Path) -> None:
    script(programs, "docker", "echo 20.10.24+dfsg1")

    (verdict,) = told()

    assert verdict.name == "docker"
    assert verdict.reason == "is 20.10.24+dfsg1; the dev stack's runbook asks for 24.0 or newer"


def test_a_version_that_says_nothing_is_told(programs: Path) -> None:
    script(programs, "kind", "echo devel")

    assert [verdict.name for verdict in told()] == ["kind"]


def test_docker_that_does_not_answer(programs: Path) -> None:
    said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    script(programs, "docker", f"echo '{said}' >&2; exit 1")

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "docker-silent"
    assert "unix:///var/run/docker.sock" in str(refusal.value)


def test_docker_that_is_forbidden(programs: Path) -> None:
    said = (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock:"
        ' Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version": dial unix: connect: permission denied'
    )
    script(programs, "docker", f"echo '{said}' >&2; exit 1")

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "docker-forbidden"
    assert "usermod -aG docker" in str(refusal.value)


def test_a_missing_one_says_what_to_install(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs))
    (programs / "kind").unlink()

    with pytest.raises(PlexdevError) as refusal:
        told()

    assert refusal.value.tag == "tool-missing"
    assert "install kind 0.26 or newer" in str(refusal.value)


def test_they_are_asked_at_the_same_time(programs: Path) -> None:
    for name in ("docker", "kind", "kubectl"):
        said = (programs / name).read_text().partition("\n")[2].strip()
        script(programs, name, f"sleep 0.4; {said}")
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
