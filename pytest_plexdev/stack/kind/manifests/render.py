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
from pytest_plexdev.stack.kind.constants import NAMESPACE, OVERLAYS, SENTINEL
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.images.pins import references
from pytest_plexdev.stack.kind.manifests import transform as change
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings

_TIMEOUT_S: Final = 60.0
_SENTINEL: Final = "base/dev-sentinel"
_GATEWAY: Final = ("envoy-gateway", "envoy-proxy")
"""The gateway, which the overlay needs and does not contain, because it is in another namespace."""
_CLUSTER_SCOPED: Final = frozenset(
    {
        *("Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"),
        *("GatewayClass", "PriorityClass", "ValidatingWebhookConfiguration"),
    }
)
"""The cluster-scoped kinds in our manifests. Rendering has no API server to ask for others; apply asks it."""


def render(
    addresses: Addresses,
    settings: KindSettings | None = None,
    *,
    contents: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> list[KubeObject]:
    """Render every object of the stack, without the CustomResourceDefinitions.

    Args:
        addresses: The host ports, which go into the configuration.
        settings: The profile or overlay, the images and the seed; by default those of ``make dev``.
        contents: A hash of the content by image reference; by default that of our own images, from the current files.
        credentials: Replace the runbook's, but only in our own overlays: nothing is known of other ones.

    Raises:
        PlexdevError: ``command-failed`` if kustomize refuses, ``kustomize-empty``, ``tool-gibberish``.
    """
    settings = settings or KindSettings()
    base, overlay, seed = deploy_directory(), settings.overlay, settings.seed
    directories = [*(base / name for name in _GATEWAY), overlay or base / OVERLAYS[settings.profile]]
    if overlay is not None:
        # Another overlay lacks our sentinel, which marks the stack as applied by plexdev.
        directories.append(base / _SENTINEL)
    with ThreadPoolExecutor(max_workers=len(directories)) as threads:
        objects = [each for listing in threads.map(kustomize, directories) for each in listing]
    if seed is not None:
        objects = change.with_seed(objects, seed.read_text(encoding="utf-8"))
    objects = change.with_profile(objects, settings.profile)
    objects = change.with_addresses(_deduplicated(objects), addresses)
    if credentials is not None and overlay is None:
        objects = change.with_credentials(objects, credentials)
    objects = change.with_images(objects, references(settings.images))
    return change.with_inputs(objects, contents or contents_of(read_content()))


def contents_of(content: Content) -> Mapping[str, str]:
    """A hash of the content of each of our images, by reference."""
    return {image: f"{image}@{content.hash}" for image in build.OUR_IMAGES}


def kustomize(directory: Path) -> list[KubeObject]:
    """Render the objects of a kustomization, each with its namespace.

    Raises:
        PlexdevError: ``command-failed`` if kustomize refuses, ``kustomize-empty``, ``tool-gibberish``.
    """
    import yaml

    argv = ["kubectl", "kustomize", str(directory)]
    with tempfile.TemporaryDirectory() as temporary:
        # Not from standard output: a wrapper around kubectl may print its own lines there.
        file = Path(temporary) / "objects.yaml"
        purpose = "kustomize puts the manifests together"
        result = run([*argv, "--output", str(file)], timeout=_TIMEOUT_S, purpose=purpose)
        try:
            text = file.read_text(encoding="utf-8")
            objects = [_with_namespace(each) for each in load_yaml_documents(text)]
        except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError):
            raise unreadable(argv, result.stdout) from None
    if not objects:
        raise PlexdevError(KUSTOMIZE_EMPTY, command=shlex.join(argv), path=directory)
    return objects


def _with_namespace(item: KubeObject) -> KubeObject:
    """Add the namespace if it is missing, because references between objects are compared with it.

    Other cluster-scoped kinds than ours get one too; ``KubeClient.placed`` removes it.
    """
    meta = item["metadata"]
    if item["kind"] in _CLUSTER_SCOPED or "namespace" in meta:
        return item
    return {**item, "metadata": {**meta, "namespace": NAMESPACE}}


def _deduplicated(objects: list[KubeObject]) -> list[KubeObject]:
    """Of duplicate objects, keep the last: another overlay may have its own gateway."""
    found = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in objects}
    assert any(name == SENTINEL for _, _, name in found)
    return list(found.values())
