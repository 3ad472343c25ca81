"""A kind of object to list and watch, in one namespace or all of them."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_plexdev.kube import Resource


@dataclass(frozen=True)
class Scope:
    """A kind to watch.

    Attributes:
        namespace: Its one namespace, or ``None`` for all.
        needed: Whether a state depends on it; if not, it only explains, and the user may lack the permission.
    """

    resource: Resource
    namespace: str | None = None
    needed: bool = True

    @property
    def key(self) -> tuple[str, str | None]:
        """Kind and namespace, as in :attr:`pytest_plexdev.readiness.object_cache.ObjectCache.refused`."""
        return self.resource.kind, self.namespace
