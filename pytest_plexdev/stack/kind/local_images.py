"""The images that the Docker engine has, and those that it lacks, pulled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import COMMAND_FAILED, COMMAND_UNFINISHED, IMAGE_MISSING
from pytest_plexdev.stack.kind.engine import docker

Note: TypeAlias = Callable[[str], None]
"""Told in one line what takes long."""
_PULL: Final = 600.0
_PULLS_AT_ONCE: Final = 6
"""As many as the cluster's kubelet."""
_HUB: Final = "docker.io"


def silent(_line: str) -> None:
    """The note of a caller who wants none."""


def canonical(reference: str) -> str:
    """The full name that containerd and CRI use: ``nats:2.10.20`` is ``docker.io/library/nats:2.10.20``."""
    host, slash, rest = reference.partition("/")
    if not slash:
        full = f"{_HUB}/library/{reference}"
    elif host == _HUB:
        full = reference if "/" in rest else f"{_HUB}/library/{rest}"
    else:
        full = reference if _is_host(host) else f"{_HUB}/{reference}"
    return full if _has_version(full) else f"{full}:latest"


def image_ids() -> Mapping[str, str]:
    """The id (``sha256:…``) of every image that the engine has a name for, by canonical name; one call."""
    listed = docker(
        "image",
        "ls",
        "--no-trunc",
        "--format",
        "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}",
        purpose="which images are here already?",
    )
    ids = {}
    for line in listed.stdout.splitlines():
        repository, tag, digest, identity = line.split()
        if tag != "<none>":
            ids[canonical(f"{repository}:{tag}")] = identity
        if digest != "<none>":
            ids[canonical(f"{repository}@{digest}")] = identity
    return ids


def provide(references: Iterable[str], note: Note = silent) -> Mapping[str, str]:
    """Pull what is not here; the id of each, by the reference as it was given.

    Raises:
        PlexdevError: ``image-missing``.
    """
    wanted = list(references)
    ids = image_ids()
    missing = [reference for reference in wanted if canonical(reference) not in ids]
    if missing:
        note(f"pulling {', '.join(missing)}")
        with ThreadPoolExecutor(max_workers=_PULLS_AT_ONCE) as threads:
            list(threads.map(_pull, missing))
        ids = image_ids()
    return {reference: ids[canonical(reference)] for reference in wanted}


def _pull(reference: str) -> None:
    try:
        docker("pull", "--quiet", reference, timeout=_PULL, purpose="the stack is made from this image")
    except PlexdevError as error:
        if error.failure not in {COMMAND_FAILED, COMMAND_UNFINISHED}:
            raise
        raise PlexdevError(IMAGE_MISSING, detail=error.detail, reference=reference) from None


def _is_host(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost"


def _has_version(reference: str) -> bool:
    return "@" in reference or ":" in reference.rpartition("/")[2]
