"""A kind of object to list and watch, in one namespace or all of them."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_plexdev.kube import Resource


@dataclass(frozen=True)
class Scope:
    """A kind to watch.

    Attributes:
        namespace: Its one namespace, or ``None`` for all.
        needed: Whether the wait is pointless without it; else it only explains, and may be forbidden to us.
    """

    resource: Resource
    namespace: str | None = None
    needed: bool = True

    @property
    def key(self) -> tuple[str, str | None]:
        """Kind and namespace: what :attr:`World.refused <.cache.World.refused>` knows it by."""
        return self.resource.kind, self.namespace
