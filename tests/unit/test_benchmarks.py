"""The benchmarks' choice of stacks, and their messages if they cannot run."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import kind_stack
from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.profiles import PROFILES
from pytest_plexdev.stack.embedded import settings
from pytest_plexdev.stack.kind.images import node_image
from pytest_plexdev.stack.kind.images.local import LocalImages, canonical
from pytest_plexdev.stack.kind.images.node_image_records import Records, new_name
from pytest_plexdev.stack.kind.images.pins import deployed, read_pins


@pytest.fixture(params=["API_PORT", "IDP_PORT"])
def taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port of the warm stack on which another program listens; the real ports belong to the developer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(settings, "API_PORT", 0)
        monkeypatch.setattr(settings, "IDP_PORT", 0)
        monkeypatch.setattr(settings, request.param, port)
        yield port


@pytest.mark.parametrize("name", ["golden_flow", "dev_stack", "reset", "control_plane"])
def test_one_that_needs_the_ports_of_another_stack_is_left_out(
    taken: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something is measured")

    monkeypatch.setattr(f"benchmarks.{name}.seconds_of", refuse)

    assert benchmarks.main([name]) == 0

    output = capsys.readouterr().out
    assert f"left out: {name}: plexdev[port-taken]: port {taken} for the " in output
    assert f"(pid {os.getpid()})" in output


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("base", ["kindest/node:v1", "kindest/node:v2"])
def test_the_cluster_alone_has_the_node_image_of_a_bring_up(
    base: str, profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    references = [pin.reference for pin in deployed(read_pins(), profile).values()]
    ids = {name: f"sha256:{name}" for name in ("kindest/node:v1", "kindest/node:v2", *references)}

    def engine(ids: dict[str, str]) -> LocalImages:
        return LocalImages({canonical(name): identity for name, identity in ids.items()}, {})

    # Every checkout on this machine bakes its own, so the newest may belong to another one.
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path))
    bases = [each for each in ids if "kindest" in each]
    baked = {each: new_name(node_image._content(each, sorted(references), engine(ids))) for each in bases}
    for name in baked.values():
        Records().keep(name, "sha256:baked")
    here = engine({**ids, **dict.fromkeys(baked.values(), "sha256:baked")})
    monkeypatch.setattr(node_image, "local_images", lambda: here)
    monkeypatch.delenv("PLEXDEV_IMAGES", raising=False)
    monkeypatch.setenv("PLEXDEV_KIND_IMAGE", base)

    assert kind_stack._node_image(profile) == baked[base]
