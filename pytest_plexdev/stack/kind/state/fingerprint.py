"""Compute the fingerprint of a stack: a hash of every input, under a readable name.

The inputs are files and options. Docker is queried only for images of ``--plexdev-image``: it resolves their tags.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.text import is_usable
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.stack.kind.constants import KIND_FILE, OVERLAYS
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.settings import KindSettings

_NODE_IMAGE: Final = "--plexdev-kind-image"
CREATION_INPUTS: Final = (KIND_FILE, _NODE_IMAGE)
"""The inputs that are fixed when a cluster is created."""
_GATEWAY_DIRECTORIES: Final = ("envoy-gateway", "envoy-proxy")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DIRECTORY_FIELDS: Final = ("resources", "components", "bases", "generators", "transformers", "validators")
"""Fields of a kustomization that may name directories outside its own. (kustomize refuses single files from there.)"""
_TABLES: Final = ("images.toml", "vendor/vendor.toml")
"""Files with one table, whose entries may name the profile that they are for."""


def current(settings: KindSettings) -> Mapping[str, str]:
    """The hash of every input of a stack that *settings* would bring up now."""
    inputs = of_files(settings, read_content())
    if not settings.images:
        return inputs
    from pytest_plexdev.stack.kind.images.overrides import identities

    return {**inputs, **of_images(settings, identities(settings.images))}


def of_files(settings: KindSettings, content: Content) -> Mapping[str, str]:
    """The hashes of the inputs that are files and options.

    Args:
        content: The inputs of our images.
    """
    base = deploy_directory()
    inputs = {KIND_FILE: _hash_of(base / KIND_FILE), "our images": content.hash}
    inputs["profile"] = _hash(settings.profile.encode())
    if settings.kind_image is not None:
        inputs[_NODE_IMAGE] = _hash(settings.kind_image.encode())
    inputs.update((name, _hash_of(*_files(base / name))) for name in _GATEWAY_DIRECTORIES)
    if settings.overlay is None:
        reached = _files_by_directory(base / OVERLAYS[settings.profile])
        inputs.update((str(path.relative_to(base.resolve())), _hash_of(*files)) for path, files in reached.items())
    else:
        inputs[f"overlay {settings.overlay}"] = _hash_of(*_files_of(settings.overlay))
    inputs.update((name, _entries(base / name, settings.profile)) for name in _TABLES)
    if settings.seed is not None:
        inputs[f"seed {settings.seed}"] = _hash_of(settings.seed)
    return inputs


def of_images(settings: KindSettings, identities: Mapping[str, str]) -> Mapping[str, str]:
    """The hash of the images of ``--plexdev-image``, as one input; empty if there are none.

    Args:
        identities: Docker's image id by reference.
    """
    if not settings.images:
        return {}
    named = {name: [reference, identities.get(reference)] for name, reference in settings.images.items()}
    return {"--plexdev-image": _hash(json.dumps(named, sort_keys=True).encode())}


def differing(applied: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The names of the inputs that differ between both.

    A running cluster's node image is not drift if *wanted* names none.
    """
    names = applied.keys() | wanted.keys()
    if _NODE_IMAGE not in wanted:
        names -= {_NODE_IMAGE}
    return sorted(name for name in names if applied.get(name) != wanted.get(name))


def _files_of(overlay: Path) -> list[Path]:
    return sorted({file for files in _files_by_directory(overlay).values() for file in files})


def _files_by_directory(overlay: Path) -> Mapping[Path, Sequence[Path]]:
    """The files of an overlay and of all local directories that it refers to, directly or not."""
    found: dict[Path, list[Path]] = {}
    pending = [overlay.resolve()]
    while pending:
        directory = pending.pop()
        if directory in found or not directory.is_dir():
            continue
        found[directory] = list(_files(directory))
        for file in (directory / name for name in _KUSTOMIZATIONS if (directory / name).is_file()):
            # Generators and transformers may be inline YAML instead of a path. kubectl refuses invalid paths.
            named = [entry for entry in _directory_entries(file) if isinstance(entry, str) and "\n" not in entry]
            pending += [(directory / entry).resolve() for entry in named if is_usable(entry)]
    return found


def _directory_entries(kustomization: Path) -> list[object]:
    """The entries of the fields that may name directories; none if the file is invalid, which kustomize reports."""
    import yaml

    try:
        content = load_yaml(kustomization.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    fields = [content.get(field) for field in _DIRECTORY_FIELDS] if isinstance(content, dict) else []
    return [entry for field in fields if isinstance(field, list) for entry in field]


def _files(directory: Path) -> Iterator[Path]:
    return iter(sorted(path for path in directory.rglob("*") if path.is_file()))


def _entries(file: Path, profile: Profile) -> str:
    """The hash of the entries for a profile."""
    (table,) = tomllib.loads(file.read_text(encoding="utf-8")).values()
    used = {name: each for name, each in table.items() if each.get("profile", "lean") in {profile, "lean"}}
    return _hash(json.dumps(used, sort_keys=True).encode())


def _hash_of(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
