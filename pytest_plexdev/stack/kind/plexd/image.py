"""The image of plexd: the one that was named, else the tag of ``PLEXD_VERSION`` if the Docker engine has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import PLEXD_DEFERRED
from pytest_plexdev.stack.kind.images.build import load
from pytest_plexdev.stack.kind.images.local import Note, local_images, provide
from pytest_plexdev.stack.kind.images.pins import PLEXD

_TAG: Final = re.compile(r"newTag: (\S+)")
_OPTION: Final = f"--image {PLEXD}=REFERENCE"


def manifests() -> Path:
    """Return the directory of plexd's manifests."""
    return deploy_directory() / "base" / PLEXD


def default_image() -> str:
    """The image that the manifests name; its tag is the content of ``PLEXD_VERSION``."""
    # Without a YAML parser, which is part of an extra: the command says without it, too, that there is no image.
    found = _TAG.search((manifests() / "kustomization.yaml").read_text(encoding="utf-8"))
    assert found is not None, "a rule of the manifests' tests"
    return f"{PLEXD}:{found[1]}"


def choose(named: str | None) -> str:
    """Return the image to deploy, which is pulled later if it was named and is missing.

    Raises:
        PlexdevError: ``plexd-deferred``: none was named, and the engine has no image of the default name.
    """
    if named is not None:
        return named
    image = default_image()
    if not _engine_has(image):
        raise PlexdevError(PLEXD_DEFERRED, directory=manifests(), image=image)
    return image


def put_on_node(cluster: str, image: str, note: Note) -> tuple[str, bool]:
    """Load the image onto the node if it is missing there, after a pull if the engine lacks it.

    Returns:
        The image id, and whether it had to be loaded.

    Raises:
        PlexdevError: ``image-missing``, or an error of docker or kind.
    """
    identity = provide([image], note, instead=_OPTION)[image]
    return identity, load(cluster, [image], note)


def _engine_has(image: str) -> bool:
    try:
        return local_images().id_of(image) is not None
    except PlexdevError:
        # Without an engine there is no image.
        return False
