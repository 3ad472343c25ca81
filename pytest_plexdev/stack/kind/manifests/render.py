"""Render a stack's manifests: kustomize over ``deploy/local``, with images, addresses and seed filled in."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.core.tool_output import unreadable
from pytest_plexdev.core.yaml_text import load_yaml_documents
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUSTOMIZE_EMPTY
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.credentials import Credentials
from pytest_plexdev.stack.kind.constants import NAMESPACE, SENTINEL
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.images.pins import references
from pytest_plexdev.stack.kind.manifests import transform as change
from pytest_plexdev.stack.kind.settings import Addresses

_PATIENCE: Final = 60.0
_OVERLAY: Final = "overlays/dev"
_SENTINEL: Final = "base/dev-sentinel"
_AROUND: Final = ("envoy-gateway", "envoy-proxy")
"""What the overlay needs and does not contain: it is in another namespace."""
_CLUSTER_WIDE: Final = frozenset(
    {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "GatewayClass", "PriorityClass"}
)
"""Ours. Of any other kind only an API server knows, and there is none here: it is asked when objects are applied."""


def render(
    addresses: Addresses,
    images: Mapping[str, str] | None = None,
    overlay: Path | None = None,
    seed: Path | None = None,
    *,
    contents: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> list[KubeObject]:
    """Every object of the stack but the CustomResourceDefinitions.

    Args:
        images: References in place of the pinned ones and of our own, by name (``nats``, ``plexsphere``).
        overlay: In place of ours.
        seed: Seed manifest in place of ours.
        contents: What is inside an image, by its reference; by default of our own what the files say now.
        credentials: In place of the runbook's, of our own overlay: what another one's parts know is not known here.

    Raises:
        PlexdevError: ``command-failed`` where kustomize refuses, ``kustomize-empty``, ``tool-gibberish``.
    """
    base = deploy_directory()
    directories = [*(base / name for name in _AROUND), overlay or base / _OVERLAY]
    if overlay is not None:
        # Another overlay has a mark of its own makers; what says whose the cluster is, is ours.
        directories.append(base / _SENTINEL)
    with ThreadPoolExecutor(max_workers=len(directories)) as threads:
        objects = [each for listing in threads.map(_kustomize, directories) for each in listing]
    if seed is not None:
        objects = change.with_seed(objects, seed.read_text(encoding="utf-8"))
    objects = change.with_addresses(_once(objects), addresses)
    if credentials is not None and overlay is None:
        objects = change.with_credentials(objects, credentials)
    objects = change.with_images(objects, references(images or {}))
    return change.with_inputs(objects, contents or contents_of(read_content()))


def contents_of(content: Content) -> Mapping[str, str]:
    """What is inside our own images, by their references."""
    return {image: f"{image}@{content.hash}" for image in build.OUR_IMAGES}


def _kustomize(directory: Path) -> list[KubeObject]:
    import yaml

    argv = ["kubectl", "kustomize", str(directory)]
    with tempfile.TemporaryDirectory() as temporary:
        # Into a file: a wrapper around kubectl may print lines of its own.
        file = Path(temporary) / "objects.yaml"
        purpose = "kustomize puts the manifests together"
        said = run([*argv, "--output", str(file)], timeout=_PATIENCE, purpose=purpose)
        try:
            text = file.read_text(encoding="utf-8")
            objects = [_placed(each) for each in load_yaml_documents(text)]
        except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError):
            raise unreadable(argv, said.stdout) from None
    if not objects:
        raise PlexdevError(KUSTOMIZE_EMPTY, command=shlex.join(argv), path=directory)
    return objects


def _placed(item: KubeObject) -> KubeObject:
    """The object with its namespace said: what refers to what is compared by it.

    A cluster-wide kind of somebody else's gets one too, which ``KubeClient.placed`` takes away again.
    """
    meta = item["metadata"]
    if item["kind"] in _CLUSTER_WIDE or "namespace" in meta:
        return item
    return {**item, "metadata": {**meta, "namespace": NAMESPACE}}


def _once(objects: list[KubeObject]) -> list[KubeObject]:
    """Of objects that are there twice the later one: an overlay of somebody else may bring its own gateway."""
    found = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in objects}
    assert any(name == SENTINEL for _, _, name in found)
    return list(found.values())
