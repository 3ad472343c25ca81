"""List the images of the Docker engine, and pull missing ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from pytest_plexdev.core.cancellation import in_scope
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED, IMAGE_MISSING
from pytest_plexdev.stack.kind.cluster.docker_engine import ask, docker

Note: TypeAlias = Callable[[str], None]
"""Receives one line about a slow step."""
_PULL: Final = 600.0
_PULLS_AT_ONCE: Final = 6
"""As many as the kubelet of the cluster pulls."""
_HUB: Final = "docker.io"
_NONE: Final = "<none>"


@dataclass(frozen=True)
class LocalImages:
    """The images that the engine has.

    Attributes:
        ids: Image id (``sha256:…``) by canonical name.
        digests: Registry digest by canonical name. An image that was built or imported here has none.
    """

    ids: Mapping[str, str]
    digests: Mapping[str, str]

    def id_of(self, reference: str) -> str | None:
        """Return the id of the image of that name."""
        return self.ids.get(canonical(reference))

    def digest_of(self, reference: str) -> str | None:
        """Return the registry's digest of the image of that name."""
        return self.digests.get(canonical(reference))


def silent(_line: str) -> None:
    """Discard a line."""


def canonical(reference: str) -> str:
    """Return the full name that containerd and CRI use: ``alpine:3`` is ``docker.io/library/alpine:3``.

    If a reference has both tag and digest, the digest decides.
    """
    name, _, digest = _with_host(reference).partition("@")
    path, slash, last = name.rpartition("/")
    bare, _, tag = last.partition(":")
    return f"{path}{slash}{bare}@{digest}" if digest else f"{path}{slash}{bare}:{tag or 'latest'}"


def local_images() -> LocalImages:
    """List every named image of the engine, with one request.

    Raises:
        PlexdevError: Docker cannot be used.
    """
    ids, digests = {}, {}
    for image in ask("docker image ls", lambda engine: engine.images()):
        tags, pulled = ([name for name in image[key] or () if _NONE not in name] for key in ("RepoTags", "RepoDigests"))
        ids.update({canonical(name): image["Id"] for name in (*tags, *pulled)})
        by_repository = dict(name.split("@") for name in pulled)
        for tag in tags:
            if digest := by_repository.get(tag.rpartition(":")[0]):
                digests[canonical(tag)] = digest
    return LocalImages(ids, digests)


def provide(
    references: Iterable[str],
    note: Note = silent,
    *,
    here: LocalImages | None = None,
    instead: str = "--plexdev-image NAME=REFERENCE",
) -> Mapping[str, str]:
    """Pull missing images; return the id of each by its reference, as given.

    Args:
        here: The engine's images, if they are known.
        instead: The option that replaces the image, for the error.

    Raises:
        PlexdevError: ``image-missing``, or Docker cannot be used.
    """
    wanted = list(references)
    here = here or local_images()
    missing = [reference for reference in wanted if here.id_of(reference) is None]
    if missing:
        note(f"pulling {', '.join(missing)}")
        with ThreadPoolExecutor(max_workers=_PULLS_AT_ONCE) as threads:
            list(threads.map(in_scope(partial(pull, instead=instead)), missing))
        here = local_images()
    return {reference: here.ids[canonical(reference)] for reference in wanted}


def pull(reference: str, *, instead: str = "--plexdev-image NAME=REFERENCE") -> None:
    """Pull an image.

    Raises:
        PlexdevError: ``image-missing``, or Docker cannot be used.
    """
    try:
        docker("pull", "--quiet", reference, timeout=_PULL, purpose="the stack needs this image")
    except PlexdevError as error:
        if error.failure not in {COMMAND_FAILED, COMMAND_UNFINISHED}:
            raise
        raise PlexdevError(
            IMAGE_MISSING,
            detail=error.detail,
            reference=reference,
            fix=f"docker pull {reference}; another one in its place: {instead}",
        ) from None


def _with_host(reference: str) -> str:
    first, slash, rest = reference.partition("/")
    if not slash or (first == _HUB and "/" not in rest):
        return f"{_HUB}/library/{rest or first}"
    is_host = "." in first or ":" in first or first == "localhost"
    return reference if is_host else f"{_HUB}/{reference}"
