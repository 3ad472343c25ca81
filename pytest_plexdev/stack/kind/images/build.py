"""Build our own images when an input changed, and load images that the node lacks."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.paths import cache_room
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, IMAGE_BUILD_FAILED, IMAGE_MISSING
from pytest_plexdev.stack.kind.cluster.docker_engine import ask, docker, kind_environment
from pytest_plexdev.stack.kind.cluster.image_archive import archive
from pytest_plexdev.stack.kind.cluster.lock import exclusive_build
from pytest_plexdev.stack.kind.constants import OUR_IMAGES, node_of
from pytest_plexdev.stack.kind.images.build_context import Content, base_image, content_hash, read_content
from pytest_plexdev.stack.kind.images.client_proxies import read_client_proxies
from pytest_plexdev.stack.kind.images.digests import refuse_changed
from pytest_plexdev.stack.kind.images.local import Note, canonical, local_images, provide, silent
from pytest_plexdev.stack.kind.images.pins import BASE, Pin, read_pins

CONTENT_LABEL: Final = "plexdev.plexsphere.com/content"
"""Label of our own images: the hash of their inputs."""
_BUILD: Final = 900.0
_PROXY_FAILED: Final = re.compile(
    r"proxy|no matching distribution|could not find a version|connection|pip install", re.IGNORECASE
)
"""Messages of pip if it does not reach its index. Not all of them name the proxy, and BuildKit's last lines contain
only the step."""
_LOAD: Final = 300.0

__all__ = ["OUR_IMAGES", "build", "content_hash", "load", "missing_on_node", "put", "saved"]


def build(note: Note = silent, *, base: str | None = None, content: Content | None = None) -> bool:
    """Build both of our images unless the engine has them with this content; return whether they were built.

    Of two processes at the same time, one builds and the other waits.

    Args:
        base: The image to build from; by default the pinned one.
        content: The inputs; by default the files as they are now.

    Raises:
        PlexdevError: ``image-missing`` or ``image-changed`` (the base), ``image-build-failed``, or Docker cannot be
            used.
    """
    content = content or read_content(base)
    wanted = content.hash
    if _built(wanted):
        return False
    with exclusive_build(cache_room("images") / "build.lock", note):
        if _built(wanted):
            return False
        note(f"building {' and '.join(OUR_IMAGES)}")
        provide([base or base_image()], note)
        if base is None:
            refuse_changed({BASE: read_pins()[BASE]}, local_images())
        context = content.context()
        for image in OUR_IMAGES:
            _build(image, base=base or base_image(), content=wanted, context=context)
    return True


def load(cluster: str, references: Iterable[str] = OUR_IMAGES, note: Note = silent) -> bool:
    """Load images that the node lacks, in one archive; return whether any were missing.

    Third-party images that the engine lacks are pulled. Ours never are: what a registry has of that name is not ours.

    Raises:
        PlexdevError: ``image-missing``, or an error of docker or kind.
    """
    wanted = list(references)
    here = local_images()
    for image in OUR_IMAGES:
        if image in wanted and here.id_of(image) is None:
            raise PlexdevError(IMAGE_MISSING, reference=image, fix="plexdev images build")
    missing = _missing(cluster, provide(wanted, note, here=here)) if wanted else []
    if not missing:
        return False
    note(f"loading {', '.join(missing)}")
    with saved(missing) as path:
        put(cluster, path)
    return True


@contextlib.contextmanager
def saved(references: Sequence[str]) -> Iterator[Path]:
    """Write images of the engine to an archive, which is removed at the end of the context."""
    with archive() as path:
        docker("save", "--output", str(path), *references, timeout=_LOAD, purpose="the node gets images as an archive")
        yield path


def put(cluster: str, path: Path) -> None:
    """Load the images of an archive onto the node."""
    run(
        ["kind", "load", "image-archive", str(path), "--name", cluster],
        timeout=_LOAD,
        purpose="the node lacks these images",
        fix=f"check the free space: docker exec {node_of(cluster)} df -h /var",
        environment=kind_environment(),
    )


def missing_on_node(cluster: str, pins: Mapping[str, Pin]) -> list[Pin]:
    """Find the deployed third-party images that the node lacks or has with another content than the engine."""
    deployed = [pin for pin in pins.values() if pin.is_deployed]
    here = local_images()
    missing = _missing(cluster, {pin.reference: here.id_of(pin.reference) or "" for pin in deployed})
    return [pin for pin in deployed if pin.reference in missing]


def _built(wanted: str) -> bool:
    label = f"{CONTENT_LABEL}={wanted}"
    found = ask(f"docker image ls --filter label={label}", lambda engine: engine.images(filters={"label": label}))
    return set(OUR_IMAGES) <= {name for image in found for name in image["RepoTags"] or ()}


def _build(image: str, *, base: str, content: str, context: bytes) -> None:
    target = image.partition(":")[0]
    # Without --force-rm, the classic builder leaves the container of a failed step.
    arguments = ["--force-rm", "--target", target, "--tag", image, "--build-arg", f"PYTHON={base}"]
    try:
        docker(
            "build",
            *arguments,
            "--label",
            f"{CONTENT_LABEL}={content}",
            "-",
            purpose=f"{image} is built from deploy/local/images",
            timeout=_BUILD,
            stdin=context,
            environment=_build_environment(),
            all_output=True,
        )
    except PlexdevError as error:
        if error.failure is not COMMAND_FAILED:
            raise
        raise PlexdevError(IMAGE_BUILD_FAILED, detail=error.detail, image=image, fix=_build_fix(error.detail)) from None


def _build_fix(detail: str) -> str:
    proxies = read_client_proxies()
    if proxies is not None and _PROXY_FAILED.search(detail):
        return (
            f"{proxies.file} sets the proxy {', '.join(proxies.hosts)} for builds, but pip cannot download through it: "
            "correct it there, or build without it: DOCKER_CONFIG=$(mktemp -d) plexdev images build"
        )
    return f"read {deploy_directory() / 'images' / 'Dockerfile'}; then: plexdev images build"


def _build_environment() -> dict[str, str]:
    """The environment of a build. Without DOCKER_BUILDKIT, docker takes BuildKit if it is installed."""
    chosen = {name: value for name, value in os.environ.items() if name != "DOCKER_BUILDKIT"}
    # BuildKit reads these: the same image id for the same content, and no attestations, which kind cannot load.
    return chosen | {"SOURCE_DATE_EPOCH": "0", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _missing(cluster: str, ids: Mapping[str, str]) -> list[str]:
    """The references that the node lacks. *ids* maps each to an image id; an empty one stands for any."""
    if not ids:
        return []
    on_node = _on_node(cluster)
    return [reference for reference, identity in ids.items() if not _has(on_node, canonical(reference), identity)]


def _has(on_node: Mapping[str, str], name: str, identity: str) -> bool:
    # CRI lists every image under its id too, with the digest of the same manifest. An engine with containerd's image
    # store returns that digest as the id.
    digest = on_node.get(name)
    return digest is not None and (not identity or identity == digest or on_node.get(identity) == digest)


def _on_node(cluster: str) -> Mapping[str, str]:
    """Read the manifest digest of every image name in the node's containerd."""
    listed = docker(
        "exec", node_of(cluster), "ctr", "--namespace", "k8s.io", "images", "ls", purpose="list the images of the node"
    )
    rows = (line.split() for line in listed.stdout.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}
