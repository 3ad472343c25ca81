"""The fingerprint: a hash of every input of what is applied, each under a readable name.

Files alone, but for images that somebody put in place of ours: what is behind their tags only the engine knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.text import is_usable
from pytest_plexdev.stack.kind.cluster.config import kind_file
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.settings import KindSettings

_NODE_IMAGE: Final = "--plexdev-kind-image"
CREATION_INPUTS: Final = ("kind.yaml", _NODE_IMAGE)
"""The inputs that a cluster is made with, and has for good."""
_ROOMS: Final = ("base", "overlays")
_AROUND: Final = ("envoy-gateway", "envoy-proxy")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DIRECTORIES: Final = ("resources", "components", "bases", "generators", "transformers", "validators")
"""Fields of a kustomization that may name directories outside of its own; kustomize refuses files from there."""
_FILES: Final = ("images.toml", "vendor/vendor.toml")


def current(settings: KindSettings) -> Mapping[str, str]:
    """The hash of every input of a stack as *settings* would bring it up now."""
    inputs = of_files(settings, read_content())
    if not settings.images:
        return inputs
    from pytest_plexdev.stack.kind.images.overrides import identities

    return {**inputs, **of_images(settings, identities(settings.images))}


def of_files(settings: KindSettings, content: Content) -> Mapping[str, str]:
    """The inputs that are files and options; *content*: what our images are made of."""
    base = deploy_directory()
    inputs = {"kind.yaml": _hash_of(kind_file()), "our images": content.hash}
    if settings.kind_image is not None:
        inputs[_NODE_IMAGE] = _hash(settings.kind_image.encode())
    inputs.update((name, _hash_of(*_files(base / name))) for name in _AROUND)
    if settings.overlay is None:
        inputs.update((name, _hash_of(*files)) for name, files in _manifests(base))
    else:
        inputs[f"overlay {settings.overlay}"] = _hash_of(*_closure(settings.overlay))
    inputs.update((name, _hash_of(base / name)) for name in _FILES)
    if settings.seed is not None:
        inputs[f"seed {settings.seed}"] = _hash_of(settings.seed)
    return inputs


def of_images(settings: KindSettings, identities: Mapping[str, str]) -> Mapping[str, str]:
    """The input that the images of ``--plexdev-image`` are.

    Args:
        identities: The engine's id of each, by reference.
    """
    if not settings.images:
        return {}
    named = {name: [reference, identities.get(reference)] for name, reference in settings.images.items()}
    return {"--plexdev-image": _hash(json.dumps(named, sort_keys=True).encode())}


def differing(applied: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The names of the inputs that are not the same in both.

    A cluster that is there has its node image: who names none takes that one.
    """
    names = applied.keys() | wanted.keys()
    if _NODE_IMAGE not in wanted:
        names -= {_NODE_IMAGE}
    return sorted(name for name in names if applied.get(name) != wanted.get(name))


def _manifests(base: Path) -> Iterator[tuple[str, list[Path]]]:
    """The manifests by service, as a person would look for them: ``base/postgres``."""
    for room in _ROOMS:
        for directory in sorted(path for path in (base / room).iterdir() if path.is_dir()):
            yield f"{room}/{directory.name}", list(_files(directory))


def _closure(overlay: Path) -> list[Path]:
    """The files of an overlay and of the directories of this machine that it is made from."""
    found: dict[Path, list[Path]] = {}
    pending = [overlay.resolve()]
    while pending:
        directory = pending.pop()
        if directory in found or not directory.is_dir():
            continue
        found[directory] = list(_files(directory))
        for file in (directory / name for name in _KUSTOMIZATIONS if (directory / name).is_file()):
            # Generators and transformers may be YAML themselves in place of a path; kubectl refuses what can be none.
            parts = [part for part in _parts_of(file) if isinstance(part, str) and "\n" not in part]
            pending += [(directory / part).resolve() for part in parts if is_usable(part)]
    return sorted({file for files in found.values() for file in files})


def _parts_of(kustomization: Path) -> list[object]:
    """What a kustomization names; nothing where it cannot be read, which kustomize itself explains best."""
    import yaml

    try:
        said = yaml.safe_load(kustomization.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    named = [said.get(field) for field in _DIRECTORIES] if isinstance(said, dict) else []
    return [part for parts in named if isinstance(parts, list) for part in parts]


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
