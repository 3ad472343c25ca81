"""plexd's objects in the cluster: render, apply and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import OBJECT_HELD
from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.pods import NAME_LABEL
from pytest_plexdev.kube.resources import DEPLOYMENT, PERSISTENT_VOLUME_CLAIM, POD, SECRET
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.images.pins import PLEXD, references
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.inventory import is_applied_by_us
from pytest_plexdev.stack.kind.manifests.render import kustomize
from pytest_plexdev.stack.kind.manifests.transform import with_images, with_inputs
from pytest_plexdev.stack.kind.plexd.enrolment import SECRET_NAME, Enrolment
from pytest_plexdev.stack.kind.plexd.image import default_image, manifests

WORKLOAD: Final = ObjectRef("Deployment", PLEXD, NAMESPACE)
VOLUME: Final = "plexd-identity"
_GONE_S: Final = 30.0
"""Time for a Pod to end and for its volume to be released."""
_POLL_S: Final = 0.1


def apply_objects(
    client: KubeClient, enrolment: Enrolment, *, image: str, identity: str, images: Mapping[str, str]
) -> ApplyResult:
    """Apply the objects for an enrolment.

    Args:
        images: The images that replace pinned ones, by name.
        identity: The image's id. A rebuilt image of the same name restarts the Pod.

    Raises:
        PlexdevError: ``kube-refused``, ``webhook-refused`` or ``quota-exceeded``.
    """
    objects = with_images(kustomize(manifests()), {**references(images), default_image(): image})
    objects = with_inputs([enrolment.fill_in(each) for each in objects], {image: identity})
    result = ApplyResult()
    apply(client, objects, result, established=lambda _: None)
    return result


def delete_objects(client: KubeClient) -> list[str]:
    """Delete what :func:`apply_objects` applied, and return the names of what existed.

    The Pod ends first: a volume is released only then.

    Raises:
        PlexdevError: ``kube-refused``; ``object-held``: a Pod or the volume is still there after 30 s.
    """
    deleted = []
    for resource, name, rest in (
        (DEPLOYMENT, PLEXD, POD),
        (PERSISTENT_VOLUME_CLAIM, VOLUME, PERSISTENT_VOLUME_CLAIM),
        (SECRET, SECRET_NAME, SECRET),
    ):
        if _delete(client, resource, name):
            deleted.append(f"{resource.kind.lower()}/{name}")
            _wait_until_gone(client, rest)
    return deleted


def _delete(client: KubeClient, resource: Resource, name: str) -> bool:
    found = client.get(resource, name, NAMESPACE)
    return found is not None and is_applied_by_us(found) and client.delete(resource, name, NAMESPACE)


def _wait_until_gone(client: KubeClient, resource: Resource) -> None:
    def names() -> list[str]:
        items = client.list(resource, NAMESPACE, labels=f"{NAME_LABEL}={PLEXD}")["items"]
        return [each["metadata"]["name"] for each in items]

    left = poll(names, until=lambda found: not found, every_s=_POLL_S, timeout_s=_GONE_S)
    if left:
        target = f"{resource.kind.lower()}/{left[0]}"
        fix = f"{client.command('describe', '-n', NAMESPACE, target)}; then: plexdev down plexd"
        holder = "its Pod or a finalizer still holds it"
        raise PlexdevError(OBJECT_HELD, object=target, seconds=_GONE_S, holder=holder, fix=fix)
