from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.stack.kind.images.local_images import LocalImages, canonical
from pytest_plexdev.stack.kind.images.node_image import _name, _ready, kinds_own

OWN = b"kindest/node:v1.34.0@sha256:" + b"7" * 64
HERE = {"kindest/node:v1": "sha256:base", "nats:1": "sha256:n", "dex:1": "sha256:d"}


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program ``kind``, the only one on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "kind"
    program.touch(mode=0o755)
    return program


def test_the_image_that_kind_would_take_is_read_from_kind(kind: Path) -> None:
    kind.write_bytes(b"\x7fELF...no such cluster" + OWN + b"invalid node" + OWN + b"runtime")

    assert kinds_own() == OWN.decode()


@pytest.mark.parametrize("program", [b"#!/bin/sh\nexec /opt/kind\n", OWN + OWN.replace(b"v1.34", b"v1.33")])
def test_a_kind_that_does_not_say_one_image_is_left_to_choose(kind: Path, program: bytes) -> None:
    kind.write_bytes(program)

    assert kinds_own() is None


def test_no_kind_no_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert kinds_own() is None


def test_a_node_image_is_found_by_what_is_inside() -> None:
    wanted = _wanted(HERE)

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine({**HERE, wanted: "sha256:baked"})) == wanted
    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine(HERE)) is None


@pytest.mark.parametrize("changed", HERE)
def test_another_content_of_any_image_is_another_node_image(changed: str) -> None:
    assert _wanted({**HERE, changed: "sha256:other"}) != _wanted(HERE)


def test_an_image_that_is_not_here_is_not_taken_for_baked() -> None:
    without = {name: identity for name, identity in HERE.items() if name != "nats:1"}

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine({**without, _wanted(HERE): "sha256:baked"})) is None


def _wanted(ids: dict[str, str]) -> str:
    return _name("kindest/node:v1", ["dex:1", "nats:1"], _engine(ids))


def _engine(ids: dict[str, str]) -> LocalImages:
    return LocalImages({canonical(name): identity for name, identity in ids.items()}, {})
