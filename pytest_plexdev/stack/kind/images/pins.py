"""The third-party images of the dev stack: ``images.toml``, the only file that has their tags."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.stack.kind.constants import OUR_IMAGES

BASE: Final = "python"
"""The pin that our own images are built from."""


@dataclass(frozen=True)
class Pin:
    """One image, with the digest that a real pull gave it, where there was one."""

    name: str
    repository: str
    tag: str
    digest: str | None = None
    is_deployed: bool = True
    """Not so: a build's base, of which no Pod is made."""

    @property
    def reference(self) -> str:
        """As ``docker`` and a manifest spell it: ``repository:tag``."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


def pins_file() -> Path:
    """Where the pins are."""
    return deploy_directory() / "images.toml"


def read_pins(path: Path | None = None) -> Mapping[str, Pin]:
    """The pins by name."""
    text = (path or pins_file()).read_text(encoding="utf-8")
    return {name: _pin(name, entry) for name, entry in tomllib.loads(text)["images"].items()}


def override(pins: Mapping[str, Pin], references: Mapping[str, str]) -> Mapping[str, Pin]:
    """*pins* with the images of ``--plexdev-image NAME=REF`` in place; those in place of our own are no pin's."""
    return {name: _replaced(pin, references[name]) if name in references else pin for name, pin in pins.items()}


def references(images: Mapping[str, str]) -> dict[str, str]:
    """The whole reference of every image that manifests may name, by what they say."""
    pins = {pin.repository: images.get(name, pin.reference) for name, pin in read_pins().items()}
    ours = {image: images[_short(image)] for image in OUR_IMAGES if _short(image) in images}
    return {**pins, **ours}


def replaceable(pins: Mapping[str, Pin]) -> list[str]:
    """Every NAME that ``--plexdev-image NAME=REF`` may have: of an image that Pods run, a pin's or our own."""
    ours = [image.partition(":")[0] for image in OUR_IMAGES]
    return sorted([*(pin.name for pin in pins.values() if pin.is_deployed), *ours])


def split(reference: str) -> tuple[str, str]:
    """Repository and tag of ``[host[:port]/]path[:tag]``; one without a tag is ``latest``, as for ``docker``.

    A reference with a digest is one piece: its tag is empty.
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
    )


def _replaced(pin: Pin, reference: str) -> Pin:
    repository, tag = split(reference)
    return replace(pin, repository=repository, tag=tag, digest=None)


def _short(image: str) -> str:
    return image.partition(":")[0]
