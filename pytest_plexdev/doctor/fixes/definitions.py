"""Gateway not programmed: the CustomResourceDefinitions by server-side apply, which needs no annotation."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.vendor import custom_resource_definitions


def mend(access: Access) -> Sequence[str]:
    """Apply all of them; those that are there stay what they are."""
    definitions = custom_resource_definitions()
    with KubeClient(access) as client:
        for definition in definitions:
            client.apply(definition)
    return [f"{len(definitions)} CustomResourceDefinitions applied by the server"]
