"""The inputs of a bring-up are read once."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.core.phases import Phases
from pytest_plexdev.stack.kind.bring_up import artifacts
from pytest_plexdev.stack.kind.images import build as our_images
from pytest_plexdev.stack.kind.images import build_context as content
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import fingerprint


def test_a_file_saved_between_build_and_rendering_is_in_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the Pods' annotation would name content that their image lacks, and they would never be restarted."""
    source = tmp_path / "deploy" / "images" / "Dockerfile"
    source.parent.mkdir(parents=True)
    (source.parent / "requirements.txt").write_text("")
    source.write_text("before")
    monkeypatch.setattr(content, "deploy_directory", lambda: tmp_path / "deploy")
    built: list[Content] = []
    told: list[Mapping[str, str]] = []

    def build(_note: object, *, content: Content) -> bool:
        built.append(content)
        source.write_text("after")
        return True

    def render(*_: object, contents: Mapping[str, str], **__: object) -> list[Any]:
        told.append(contents)
        return []

    monkeypatch.setattr(our_images, "build", build)
    monkeypatch.setattr(artifacts, "render", render)
    made = artifacts.Artifacts(KindSettings(), Addresses(), Phases(lambda _: None), lambda _: None)
    made.built.result()
    made.objects.result()

    assert _file(built[0], "Dockerfile") == b"before"
    assert made.fingerprint["our images"] == built[0].hash != read_content().hash
    assert told[0]["plexsphere:dev"].endswith(built[0].hash)


def test_new_content_under_the_same_image_name_is_drift() -> None:
    settings = KindSettings(images={"plexsphere": "me/x:dev"})
    ids = [hashlib.sha256(text).hexdigest() for text in (b"one", b"two")]

    before, after = (fingerprint.of_images(settings, {"me/x:dev": each}) for each in ids)

    assert fingerprint.differing(before, after) == ["--plexdev-image"]
    assert fingerprint.of_images(KindSettings(), {}) == {}


def _file(built: Content, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(built.context())) as archive:
        member = archive.extractfile(name)
        assert member is not None
        return member.read()
