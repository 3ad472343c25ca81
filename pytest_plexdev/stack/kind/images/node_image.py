"""Bake a node image: kind's own with every third-party image of the stack inside, once per set of pins.

The files below ``/var`` of a node image are copied into the node's volume when a cluster is created, so its Pods start
without a load or a pull. kind's own node images contain those of Kubernetes in the same way.

Users of one engine share no baked image: each uses and removes only its own (``node_image_records``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.core.cancellation import shield
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import ask, docker
from pytest_plexdev.stack.kind.cluster.image_archive import archive
from pytest_plexdev.stack.kind.cluster.lock import exclusive_build
from pytest_plexdev.stack.kind.images.digests import refuse_changed
from pytest_plexdev.stack.kind.images.local import LocalImages, Note, local_images, provide, silent
from pytest_plexdev.stack.kind.images.node_image_records import Records, new_name
from pytest_plexdev.stack.kind.images.pins import Pin

LABEL: Final = "plexdev.plexsphere.com/node-image"
"""Label of baked images. The owner's label must not be used: a node inherits the labels of its image."""
_RETAINED: Final = 3
"""Baked images that stay when a new one is baked, because other checkouts use theirs. Half a gigabyte each."""
_RECIPE: Final = "2"
"""Part of the key; to be changed when images are baked in another way."""
_SLOW: Final = 600.0
_STOPS: Final = 20
"""Seconds that containerd gets to stop."""
_ID: Final = re.compile("[0-9a-f]{64}")
_KINDS_OWN: Final = re.compile(rb"kindest/node:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64}")


def derived(base: str | None, pins: Mapping[str, Pin], note: Note = silent) -> str | None:
    """Return the name of the node image that contains the deployed *pins*; bake it if it is missing.

    Of two processes of one user at the same time, one bakes and the other waits.

    Args:
        base: The node image to derive from; by default the one that kind would use.

    Returns:
        ``None`` if it is unknown which image kind would use.

    Raises:
        PlexdevError: ``image-missing``, ``image-changed``, ``untrusted-path``, or an error of Docker.
    """
    base = base or kinds_own()
    if base is None:
        return None
    references = sorted(pin.reference for pin in pins.values() if pin.is_deployed)
    baked = Records()
    here = local_images()
    refuse_changed(pins, here)
    if name := _ready(base, references, here, baked):
        return name
    with exclusive_build(baked.lock, note):
        provide([base], note, instead=f"--plexdev-kind-image={_node_image_here()}")
        provide(references, note)
        here = local_images()
        refuse_changed(pins, here)
        if name := _ready(base, references, here, baked):
            return name
        name = new_name(_content(base, references, here))
        note(f"baking {len(references)} images into {name}, once")
        _make(name, baked, base=base, references=references)
        for old in _remove_old(baked):
            note(f"removed {old}, an older one of plexdev's own")
    return name


def kinds_own() -> str | None:
    """Read the default node image out of the ``kind`` program; no command prints it."""
    program = shutil.which("kind")
    found = set(_KINDS_OWN.findall(Path(program).read_bytes())) if program else set()
    return found.pop().decode() if len(found) == 1 else None


def _node_image_here() -> str:
    """A node image of the engine that can replace one that cannot be pulled, or a placeholder."""
    here = (name.removeprefix("docker.io/") for name in local_images().ids)
    return next((name for name in here if name.startswith("kindest/node:")), "REFERENCE")


def _ready(base: str, references: Sequence[str], here: LocalImages, baked: Records) -> str | None:
    if any(here.id_of(reference) is None for reference in (base, *references)):
        return None
    return baked.find(_content(base, references, here), here)


def _content(base: str, references: Sequence[str], here: LocalImages) -> str:
    contents = [_RECIPE, here.id_of(base), *([each, here.id_of(each)] for each in references)]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:12]


def _make(name: str, baked: Records, *, base: str, references: Sequence[str]) -> None:
    with _containerd(name.replace(":", "-"), base, baked) as container:
        _import(container, references)
        # containerd writes its database at its end.
        ask(f"docker stop {container}", lambda engine: engine.stop(container, timeout=_STOPS), timeout=_SLOW)
        changes = [*_start_of(base), f"LABEL {LABEL}={name.partition(':')[2]}"]
        committed = docker(
            "commit",
            *(word for change in changes for word in ("--change", change)),
            container,
            name,
            timeout=_SLOW,
            purpose="the container becomes the node image",
            fix="check the free space: docker system df",
        )
        identity = _ID.findall(committed.stdout)
        baked.keep(name, identity[-1] if identity else local_images().id_of(name) or "")


@contextlib.contextmanager
def _containerd(container: str, base: str, baked: Records) -> Iterator[str]:
    """Run a container of the node image with containerd only."""
    if left := baked.container:
        _remove(left)
    baked.container = container
    try:
        docker(
            *("run", "--detach", "--name", container, "--label", LABEL, "--entrypoint", "containerd", base),
            timeout=_SLOW,
            purpose="the node image's own containerd imports the images",
        )
        yield container
    finally:
        _remove(container)
        baked.container = None


def _import(container: str, references: Sequence[str]) -> None:
    with archive() as path:
        docker("save", "--output", str(path), *references, timeout=_SLOW, purpose="all images go into one archive")
        with path.open("rb") as stream:
            docker(
                # ctr waits until containerd listens.
                *("exec", "--interactive", container, "ctr", "--connect-timeout", "30s", "--namespace", "k8s.io"),
                # Not unpacked, as in kind's own images: all of /var is copied for every cluster, where twice the bytes
                # and thousands of files cost more than unpacking what a Pod needs (measured: 10 s against 5 s).
                *("images", "import", "--all-platforms", "--no-unpack", "-"),
                timeout=_SLOW,
                purpose="the node image's own containerd imports the images",
                fix="check the free space: docker system df",
                stdin=stream,
            )


def _start_of(base: str) -> list[str]:
    """Entrypoint and command of the base, for ``docker commit``, which would keep the container's."""
    config = ask(
        f"docker image inspect {base}",
        lambda engine: engine.inspect_image(base)["Config"],  # type: ignore[no-untyped-call]  # it has no types
    )
    return [f"{name.upper()} {json.dumps(config.get(name) or [])}" for name in ("Entrypoint", "Cmd")]


def _remove_old(baked: Records) -> list[str]:
    """Remove all but the newest baked images; one that a cluster uses stays."""
    removed = []
    for name in baked.older_than(_RETAINED, local_images()):
        with contextlib.suppress(PlexdevError):
            _remove_image(name)
            baked.forget(name)
            removed.append(name)
    return removed


def _remove_image(name: str) -> None:
    ask(f"docker image rm {name}", lambda engine: engine.remove_image(name), timeout=_SLOW)


def _remove(container: str) -> None:
    with shield(), contextlib.suppress(PlexdevError):
        command = f"docker rm --force --volumes {container}"
        ask(command, lambda engine: engine.remove_container(container, v=True, force=True), timeout=_SLOW)
