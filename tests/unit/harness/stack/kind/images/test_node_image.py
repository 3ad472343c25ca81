from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.images.local import LocalImages, canonical
from pytest_plexdev.stack.kind.images.node_image import _content, _ready, derived, kinds_own
from pytest_plexdev.stack.kind.images.node_image_records import Records, new_name
from pytest_plexdev.stack.kind.images.pins import Pin
from tests.support.engine import Engine, serving

OWN = b"kindest/node:v1.34.0@sha256:" + b"7" * 64
HERE = {"kindest/node:v1": "sha256:base", "nats:1": "sha256:n", "dex:1": "sha256:d"}
BAKED = "sha256:" + "b" * 64


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program ``kind``, the only one on PATH."""
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


def test_a_node_image_is_found_by_what_is_inside(baked: Records) -> None:
    name = _bake(baked, HERE)

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine({**HERE, name: BAKED}), baked) == name
    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine(HERE), baked) is None


@pytest.mark.parametrize("changed", HERE)
def test_another_content_of_any_image_is_another_node_image(changed: str) -> None:
    assert _content_of({**HERE, changed: "sha256:other"}) != _content_of(HERE)


def test_an_image_that_is_not_here_is_not_taken_for_baked(baked: Records) -> None:
    without = {name: identity for name, identity in HERE.items() if name != "nats:1"}
    here = _engine({**without, _bake(baked, HERE): BAKED})

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], here, baked) is None


def test_an_image_that_another_user_gave_the_name_is_not_taken(baked: Records) -> None:
    name = _bake(baked, HERE)

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], _engine({**HERE, name: "sha256:" + "e" * 64}), baked) is None


def test_what_another_user_baked_is_not_taken(baked: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = _engine({**HERE, _bake(baked, HERE): BAKED})
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "of another user"))

    assert _ready("kindest/node:v1", ["dex:1", "nats:1"], here, Records()) is None


def test_records_that_others_may_write_to_are_refused(baked: Records, tmp_path: Path) -> None:
    name = _bake(baked, HERE)
    (record,) = tmp_path.rglob(f"{name.partition(':')[2]}.json")
    record.chmod(0o666)

    with pytest.raises(PlexdevError, match="others may write to it"):
        baked.find(_content_of(HERE), _engine({**HERE, name: BAKED}))


DOCKER = """
import hashlib, json, pathlib, sys
state = pathlib.Path({state!r})
images = json.loads((state / "images.json").read_text())
words = sys.argv[1:]
with (state / "calls").open("a") as calls:
    print(*words, file=calls)
if words[0] == "commit":
    images[words[-1]] = "sha256:" + hashlib.sha256(words[-1].encode()).hexdigest()
    print(images[words[-1]])
elif words[0] == "save":
    pathlib.Path(words[2]).write_text("archive")
elif words[0] == "run":
    (state / "node.json").write_text(json.dumps({{"Name": "/" + words[words.index("--name") + 1]}}))
    if (state / "killed").exists():
        (state / "killed").unlink()
        import os, signal
        os.kill(int((state / "victim").read_text()), signal.SIGKILL)
(state / "images.json").write_text(json.dumps(images))
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine, and a program ``docker`` that bakes images into it."""
    state = tmp_path / "engine"
    state.mkdir()
    program = state / "docker"
    program.write_text(f"#!{sys.executable} -S\n{DOCKER.format(state=str(state))}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(state))
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "cache"))
    with serving(state) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.images = {"kindest/node:v1": "sha256:base", "nats:1": "sha256:n"}
        yield engine


def calls(engine: Engine) -> list[str]:
    """The command lines of all calls of the program."""
    return (engine.state / "calls").read_text().splitlines()


def containers(engine: Engine) -> list[str]:
    """The names of the containers that were started."""
    return [call.split()[call.split().index("--name") + 1] for call in calls(engine) if call.startswith("run ")]


def removed(engine: Engine) -> list[str]:
    return [request.partition(" ")[2] for request in engine.requests if request.startswith("rm ")]


PINS = {"nats": Pin("nats", "nats", "1")}


def test_an_image_is_baked_once_and_another_user_bakes_another(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = derived("kindest/node:v1", PINS)
    assert derived("kindest/node:v1", PINS) == name
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "of another user"))
    theirs = derived("kindest/node:v1", PINS)

    assert name != theirs
    assert {name, theirs} < set(engine.images)
    assert len(set(containers(engine))) == len(containers(engine)) == 2
    assert removed(engine) == containers(engine), "a container of another user's was removed"


def test_an_image_whose_name_leads_to_another_one_is_baked_anew(engine: Engine) -> None:
    name = derived("kindest/node:v1", PINS)
    assert name is not None
    engine.images = {**engine.images, name: "sha256:" + "e" * 64}

    assert derived("kindest/node:v1", PINS) not in {None, name}


def test_only_old_images_that_this_user_baked_are_removed(engine: Engine) -> None:
    theirs = {f"plexdev-node:{number}": f"sha256:{number}" for number in range(9)}
    ours = []
    for number in range(4):
        engine.images = {**engine.images, **theirs, "nats:1": f"sha256:n{number}"}
        ours.append(derived("kindest/node:v1", PINS))

    left = set(engine.images)
    assert set(theirs) < left
    assert [name for name in ours if name in left] == ours[-3:]


def test_the_container_of_a_killed_baking_is_removed_by_the_next(engine: Engine) -> None:
    (engine.state / "killed").touch()
    script = (
        "import os, pathlib, sys\n"
        "from pytest_plexdev.stack.kind.images.node_image import derived\n"
        "from pytest_plexdev.stack.kind.images.pins import Pin\n"
        "pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\n"
        "derived('kindest/node:v1', {'nats': Pin('nats', 'nats', '1')})\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(engine.state / "victim")], check=False)
    assert killed.returncode == -9
    (left,) = containers(engine)
    assert removed(engine) == []

    derived("kindest/node:v1", PINS)

    assert removed(engine)[0] == left


@pytest.fixture
def baked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "cache"))
    return Records()


def _bake(baked: Records, ids: dict[str, str]) -> str:
    name = new_name(_content_of(ids))
    baked.keep(name, BAKED)
    return name


def _content_of(ids: dict[str, str]) -> str:
    return _content("kindest/node:v1", ["dex:1", "nats:1"], _engine(ids))


def _engine(ids: dict[str, str]) -> LocalImages:
    return LocalImages({canonical(name): identity for name, identity in ids.items()}, {})
