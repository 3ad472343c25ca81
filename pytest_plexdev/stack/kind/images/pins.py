"""Read the third-party images of the dev stack from ``images.toml``, the only file with their tags."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.profiles import ON_REQUEST, profile_named
from pytest_plexdev.stack.kind.constants import OUR_IMAGES

BASE: Final = "python"
"""The pin of the base of our own images."""
(PLEXD,) = ON_REQUEST
"""The agent, which has no pin: no image of it is published, and no stack runs it unless asked."""


@dataclass(frozen=True)
class Pin:
    """One image, with the digest of its last recorded pull, if there is one."""

    name: str
    repository: str
    tag: str
    digest: str | None = None
    is_deployed: bool = True
    """False for the base of a build, which no Pod runs."""
    profile: Profile = "lean"
    """The smallest profile whose Pods use it."""

    @property
    def reference(self) -> str:
        """``repository:tag``, as in a manifest."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


def pins_file() -> Path:
    """Return the path of the pins."""
    return deploy_directory() / "images.toml"


def read_pins(path: Path | None = None) -> Mapping[str, Pin]:
    """Read the pins by name."""
    text = (path or pins_file()).read_text(encoding="utf-8")
    return {name: _pin(name, entry) for name, entry in tomllib.loads(text)["images"].items()}


def deployed(pins: Mapping[str, Pin], profile: Profile) -> Mapping[str, Pin]:
    """Select the pins that the Pods of a profile use."""
    return {name: pin for name, pin in pins.items() if pin.is_deployed and pin.profile in {profile, "lean"}}


def override(pins: Mapping[str, Pin], references: Mapping[str, str]) -> Mapping[str, Pin]:
    """Apply ``--plexdev-image NAME=REF`` to *pins*. Names of our own images are not pins and are ignored."""
    return {name: _replaced(pin, references[name]) if name in references else pin for name, pin in pins.items()}


def references(images: Mapping[str, str]) -> dict[str, str]:
    """Map each image name that manifests contain to its whole reference."""
    pins = {pin.repository: images.get(name, pin.reference) for name, pin in read_pins().items()}
    ours = {image: images[_short(image)] for image in OUR_IMAGES if _short(image) in images}
    return {**pins, **ours}


def replaceable(pins: Mapping[str, Pin]) -> list[str]:
    """List every NAME that ``--plexdev-image NAME=REF`` accepts: deployed pins and our own images."""
    ours = [image.partition(":")[0] for image in OUR_IMAGES]
    return sorted([*(pin.name for pin in pins.values() if pin.is_deployed), *ours])


def split(reference: str) -> tuple[str, str]:
    """Split ``[host[:port]/]path[:tag]`` into repository and tag; the default tag is ``latest``.

    A reference with a digest is not split: its tag is empty.
    """
    if "@" in reference:
        return reference, ""
    path, _, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{path}/{name}" if path else name, tag or "latest"


def _pin(name: str, entry: Mapping[str, object]) -> Pin:
    return Pin(
        name=name,
        repository=str(entry["name"]),
        tag=str(entry["tag"]),
        digest=str(entry.get("digest", "")) or None,
        is_deployed=not entry.get("build", False),
        profile=profile_named(entry.get("profile", "lean")),
    )


def _replaced(pin: Pin, reference: str) -> Pin:
    repository, tag = split(reference)
    return replace(pin, repository=repository, tag=tag, digest=None)


def _short(image: str) -> str:
    return image.partition(":")[0]
