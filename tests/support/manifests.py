"""Read the manifests from their files, without a cluster or a program."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pytest_plexdev.kube.resources import KubeObject
from tests.support.checkout import ROOT

DEPLOY = ROOT / "deploy" / "local"
BASES = sorted(path for path in (DEPLOY / "base").iterdir() if path.is_dir())
OURS = ("plexsphere", "plexsphere-migrate")
"""Images that are built from this repository."""


@dataclass(frozen=True)
class Workload:
    """A Pod template and its owner."""

    owner: KubeObject

    @property
    def name(self) -> str:
        name: str = self.owner["metadata"]["name"]
        return name

    @property
    def pod(self) -> KubeObject:
        spec: KubeObject = self.owner["spec"]["template"]["spec"]
        return spec

    @property
    def init_containers(self) -> Sequence[KubeObject]:
        return list(self.pod.get("initContainers", ()))

    @property
    def main(self) -> KubeObject:
        container: KubeObject = self.pod["containers"][0]
        return container

    @property
    def containers(self) -> Sequence[KubeObject]:
        return [*self.init_containers, *self.pod["containers"]]

    @property
    def is_ours(self) -> bool:
        return image_name(self.main) in OURS


def documents(path: Path) -> Iterator[KubeObject]:
    """The objects of one file."""
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
        if document:
            yield document


def objects(directory: Path) -> list[KubeObject]:
    """The objects in the files of a directory's kustomization."""
    (kustomization,) = documents(directory / "kustomization.yaml")
    files = [directory / name for name in kustomization["resources"] if (directory / name).is_file()]
    return [each for file in files for each in documents(file)]


def overlay_objects(overlay: Path = DEPLOY / "overlays" / "dev") -> list[KubeObject]:
    """The objects of an overlay, without its own patches."""
    (kustomization,) = documents(overlay / "kustomization.yaml")
    named = [(overlay / name).resolve() for name in kustomization["resources"]]
    return [each for path in named if path.is_dir() for each in (*objects(path), *_nested(path))]


def _nested(path: Path) -> list[KubeObject]:
    return overlay_objects(path) if path.parent.name == "overlays" else []


def workloads(of: Sequence[KubeObject]) -> list[Workload]:
    """The objects with a Pod template."""
    return [Workload(each) for each in of if each["kind"] in {"Deployment", "StatefulSet", "Job"}]


def by_name(of: Sequence[KubeObject], kind: str) -> dict[str, KubeObject]:
    return {each["metadata"]["name"]: each for each in of if each["kind"] == kind}


def image_name(container: KubeObject) -> str:
    """The image without its tag."""
    name, _, _ = container["image"].partition("@")
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def variables(container: KubeObject, of: Sequence[KubeObject]) -> Mapping[str, str]:
    """The environment of a container, including that from its ConfigMaps and Secrets, also synced ones."""
    maps, secrets = by_name(of, "ConfigMap"), {**by_name(of, "Secret"), **_synced(of)}
    wired: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            wired |= maps[source["configMapRef"]["name"]]["data"]
        else:
            wired |= secrets[source["secretRef"]["name"]]["stringData"]
    for each in container.get("env", ()):
        reference = each.get("valueFrom", {}).get("secretKeyRef")
        wired[each["name"]] = secrets[reference["name"]]["stringData"][reference["key"]] if reference else each["value"]
    return wired


def _synced(of: Sequence[KubeObject]) -> dict[str, KubeObject]:
    """The Secrets that External Secrets creates: each key with its place in the store as the value."""
    return {
        each["spec"]["target"]["name"]: {
            "stringData": {entry["secretKey"]: entry["remoteRef"]["key"] for entry in each["spec"]["data"]}
        }
        for each in of
        if each["kind"] == "ExternalSecret"
    }


def warning_fields(line: str) -> dict[str, str]:
    """The ``key=value`` pairs of a log line."""
    return dict(re.findall(r"(\S+?)=(\S+)", line)) | dict(
        part.split("=", 1) for part in shlex.split(line) if "=" in part
    )
