"""Which cluster the doctor looks at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.doctor import CONTEXT_MISSING
from pytest_plexdev.kube import Access, read_access
from pytest_plexdev.stack.embedded.settings import state_directory
from pytest_plexdev.stack.kind.names import WARM_CLUSTER, context_of

WARM_CONTEXT: Final = context_of(WARM_CLUSTER)


def choose(kubeconfig: Path | None, context: str | None, environment: Mapping[str, str] = os.environ) -> Access | None:
    """The cluster that was named, else the warm one, in our own kubeconfig or the user's; ``None``: there is none.

    Raises:
        PlexdevError: ``context-missing`` where one was named and is not there, ``kubeconfig-unusable``.
    """
    files = [kubeconfig] if kubeconfig is not None else list(_kubeconfigs(environment))
    wanted = context or WARM_CONTEXT
    for file in files:
        if access := read_access(file, wanted):
            return access
    if kubeconfig is None and context is None:
        return None
    raise PlexdevError(CONTEXT_MISSING, path=":".join(map(str, files)), context=wanted)


def _kubeconfigs(environment: Mapping[str, str]) -> Iterator[Path]:
    yield from sorted(state_directory(environment).glob("*/kubeconfig"))
    if named := environment.get("KUBECONFIG"):
        yield from (Path(each) for each in named.split(os.pathsep) if each)
    else:
        yield Path(environment.get("HOME") or Path.home()) / ".kube" / "config"
