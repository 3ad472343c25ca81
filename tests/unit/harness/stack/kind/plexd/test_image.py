"""Which image of plexd is deployed, and which options may name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.profiles import left_out
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options import OptionError, resolve
from pytest_plexdev.stack.kind.images.overrides import refuse_unknown_images
from pytest_plexdev.stack.kind.plexd.image import choose, default_image
from tests.support.checkout import ROOT
from tests.support.engine import serving

VERSION = (ROOT / "PLEXD_VERSION").read_text().strip()


def test_an_image_of_the_default_name_is_taken_from_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with serving(tmp_path) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        with pytest.raises(PlexdevError) as none:
            choose(None)
        engine.images = {f"plexd:{VERSION}": "sha256:1"}
        found = choose(None)
        named = choose("ghcr.io/plexsphere/plexd:9")

    assert none.value.tag == "plexd-deferred"
    assert found == default_image() == f"plexd:{VERSION}"
    assert named == "ghcr.io/plexsphere/plexd:9"


def test_a_variable_may_name_its_image_and_no_run_s_option() -> None:
    refuse_unknown_images(resolve({}, {"PLEXDEV_STACK": "kind", "PLEXDEV_IMAGES": "plexd=plexd:1"}, {}))

    with pytest.raises(OptionError, match="--plexdev-image=plexd=plexd:1: NAME must be one of busybox, "):
        refuse_unknown_images(resolve({"plexdev_stack": "kind", "plexdev_images": ["plexd=plexd:1"]}, {}, {}))


def test_a_stack_that_has_it_does_not_omit_it() -> None:
    assert left_out("full")[-1] == left_out("lean", {"dex"})[-1] == "plexd"
    assert "plexd" not in left_out("full", {"dex", "plexd"})
