"""Digests of a registry, after pulls by a real engine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.images.digests import lock, verify
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import read_pins
from tests.support.registry import registry
from tests.support.tiny_image import tiny_image

pytestmark = pytest.mark.usefixtures("cluster_tools")


@pytest.fixture
def tiny() -> Iterator[Callable[[str], str]]:
    """Build an image with one file of the given text, always with the same name."""
    with tiny_image() as make:
        yield make


def test_a_digest_is_recorded_at_a_real_pull_and_then_enforced(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    with registry() as here:
        first = here.push("1", b"one")
        path.write_text(f'# why\n[images.it]\nname = "{here.repository}"\ntag = "1"\ndigest = ""  # of a pull\n')
        reference = f"{here.repository}:1"
        try:
            assert [one.state for one in verify(path)] == ["absent"]
            assert [(one.state, one.digest) for one in lock(path)] == [("recorded", first)]
            assert f'digest = "{first}"  # of a pull' in path.read_text()
            assert [one.state for one in verify(path)] == ["same"]

            second = here.push("1", b"two")
            docker("pull", "--quiet", reference, purpose="somebody pulls the moved tag", timeout=60)
            assert [(one.state, one.digest) for one in verify(path)] == [("differs", second)]
            with pytest.raises(PlexdevError, match="image-changed"):
                derived(read_pins()["busybox"].reference, read_pins(path))
            assert [(one.state, one.digest) for one in lock(path)] == [("recorded", second)]
        finally:
            for each in (reference, f"{here.repository}@{first}"):
                subprocess.run(["docker", "image", "rm", "--force", each], capture_output=True, check=False)


def test_an_imported_image_has_no_digest_to_record(tmp_path: Path, tiny: Callable[[str], str]) -> None:
    repository, tag = tiny("imported").split(":")
    path = tmp_path / "images.toml"
    text = f'[images.it]\nname = "{repository}"\ntag = "{tag}"\ndigest = ""\n'
    path.write_text(text)

    assert [one.state for one in lock(path)] == ["no-digest"]
    assert path.read_text() == text
