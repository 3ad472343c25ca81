"""An image of ours that is not on the node: built where its inputs changed, then loaded."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.doctor.examine import kind_cluster
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind import images


def mend(access: Access) -> Sequence[str]:
    """The kubelet starts the containers by itself, once it looks again."""
    built = images.build()
    loaded = images.load(kind_cluster(access))
    names = ", ".join(images.OUR_IMAGES)
    return [
        f"{names}: {'built' if built else 'up to date'}, {'loaded' if loaded else 'on the node already'}",
        "images of other names are loaded by hand: kind load docker-image NAME --name " + kind_cluster(access),
    ]
