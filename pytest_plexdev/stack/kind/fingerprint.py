"""The fingerprint: a hash of every input of what is applied, by a name that a person knows. Files only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.deployment import deploy_directory
from pytest_plexdev.stack.kind import images as our_images
from pytest_plexdev.stack.kind.config import kind_file
from pytest_plexdev.stack.kind.settings import KindSettings

CLUSTER: Final = "kind.yaml"
"""The input that a cluster has for good."""
_ROOMS: Final = ("base", "overlays")
_AROUND: Final = ("envoy-gateway", "envoy-proxy")
_FILES: Final = ("images.toml", "vendor/vendor.toml")


def current(settings: KindSettings) -> Mapping[str, str]:
    """The hash of every input of a stack as *settings* would bring it up now."""
    base = deploy_directory()
    inputs = {CLUSTER: _hash_of(kind_file()), "our images": our_images.content_hash()}
    inputs.update((name, _hash_of(*_files(base / name))) for name in _AROUND)
    if settings.overlay is None:
        inputs.update((name, _hash_of(*files)) for name, files in _manifests(base))
    else:
        inputs[f"overlay {settings.overlay}"] = _hash_of(*_closure(settings.overlay))
    inputs.update((name, _hash_of(base / name)) for name in _FILES)
    if settings.seed is not None:
        inputs[f"seed {settings.seed}"] = _hash_of(settings.seed)
    if settings.images:
        inputs["--plexdev-image"] = _hash(json.dumps(dict(settings.images), sort_keys=True).encode())
    return inputs


def differing(applied: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The names of the inputs that are not the same in both."""
    return sorted(name for name in applied.keys() | wanted.keys() if applied.get(name) != wanted.get(name))


def _manifests(base: Path) -> Iterator[tuple[str, list[Path]]]:
    """The manifests by service, as a person would look for them: ``base/postgres``."""
    for room in _ROOMS:
        for directory in sorted(path for path in (base / room).iterdir() if path.is_dir()):
            yield f"{room}/{directory.name}", list(_files(directory))


def _closure(overlay: Path) -> list[Path]:
    """The files of an overlay and of the directories of this machine that it is made from."""
    import yaml

    found: dict[Path, list[Path]] = {}
    pending = [overlay.resolve()]
    while pending:
        directory = pending.pop()
        if directory in found or not directory.is_dir():
            continue
        found[directory] = list(_files(directory))
        for file in directory.glob("kustomization.y*ml"):
            said = yaml.safe_load(file.read_text()) or {}
            parts = (part for field in ("resources", "components", "bases") for part in said.get(field) or ())
            pending += [(directory / part).resolve() for part in parts if isinstance(part, str)]
    return sorted({file for files in found.values() for file in files})


def _files(directory: Path) -> Iterator[Path]:
    return iter(sorted(path for path in directory.rglob("*") if path.is_file()))


def _hash_of(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
