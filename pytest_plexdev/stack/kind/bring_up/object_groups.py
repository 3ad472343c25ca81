"""Group the objects of a stack by what each has to wait for in a bring-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.manifests.transform import images_of, waits_for_a_secret

NEEDS_DEFINITIONS: Final = "plexdev.plexsphere.com/needs-definitions"
"""Annotation of a workload that must start after the CustomResourceDefinitions; its value is their API group."""
_CLIENT_KINDS: Final = frozenset({"Deployment", "Job"})
"""Kinds whose Pods call Services."""


@dataclass(frozen=True, kw_only=True)
class ObjectGroups:
    """The objects of a stack, grouped by what they have to wait for.

    Attributes:
        data: StatefulSets, and objects without Pods.
        definitions: CustomResourceDefinitions.
        custom: Custom resources: they need the definitions.
        controllers: Workloads that need the definitions when they start.
        independent_jobs: Jobs without init containers. Without a network they fail, and their retries are limited.
        secret_consumers: Workloads that mount a Secret created by such a Job.
        ours: Workloads that run our images.
        others: All other workloads.
    """

    namespaces: Sequence[KubeObject]
    data: Sequence[KubeObject]
    definitions: Sequence[KubeObject]
    custom: Sequence[KubeObject]
    controllers: Sequence[KubeObject]
    independent_jobs: Sequence[KubeObject]
    secret_consumers: Sequence[KubeObject]
    ours: Sequence[KubeObject]
    others: Sequence[KubeObject]

    @classmethod
    def of(cls, objects: Sequence[KubeObject], definitions: Sequence[KubeObject], loading: ImageLoader) -> ObjectGroups:
        """Group rendered objects.

        Args:
            definitions: The CustomResourceDefinitions, which are not among *objects*.
            loading: Knows which images are ours.
        """
        defined = {each["spec"]["names"]["kind"] for each in definitions}

        def group_of(item: KubeObject) -> str:
            if item["kind"] == "Namespace":
                return "namespaces"
            if item["kind"] in defined:
                return "custom"
            if NEEDS_DEFINITIONS in (item["metadata"].get("annotations") or {}):
                return "controllers"
            if item["kind"] not in _CLIENT_KINDS:
                return "data"
            if _is_independent_job(item):
                return "independent_jobs"
            if loading.loads_any_of(images_of(item)):
                return "ours"
            return "secret_consumers" if waits_for_a_secret(item, objects) else "others"

        groups = {each.name: [item for item in objects if group_of(item) == each.name] for each in fields(cls)}
        return cls(**{**groups, "definitions": definitions})


def _is_independent_job(item: KubeObject) -> bool:
    return item["kind"] == "Job" and not item["spec"]["template"]["spec"].get("initContainers")
