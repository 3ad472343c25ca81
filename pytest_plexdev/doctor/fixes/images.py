"""Fix images that are missing on the node: build plexdev's own if an input changed, then load all that Pods need."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.doctor.checks.images import images_never_pulled
from pytest_plexdev.doctor.target import kind_cluster
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import POD
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.settings import KindSettings


def apply_fix(access: Access, settings: KindSettings) -> Sequence[str]:
    """Build and load the images; the kubelet retries the containers by itself."""
    del settings  # the fix is the same for every stack
    with KubeClient(access) as client:
        wanted = images_never_pulled(client.list(POD)["items"])
    built = build.build() if set(wanted) & set(build.OUR_IMAGES) else False
    loaded = build.load(kind_cluster(access), wanted)
    return [f"{', '.join(wanted)}: {'built and ' if built else ''}{'loaded' if loaded else 'on the node already'}"]
