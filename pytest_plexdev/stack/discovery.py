"""Find a stack that runs already: the warm one of either kind, or one that a test run kept.

Files and sockets are asked, and Docker only where they name no stack.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_plexdev.core.model import Provider, StackInfo
from pytest_plexdev.core.text import printable
from pytest_plexdev.errors import EXTRA_MISSING, KEPT_STACK_MISSING, STACK_MISSING, PlexdevError
from pytest_plexdev.errors.cluster import (
    API_SILENT,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    SERVICE_NOT_READY,
)

if TYPE_CHECKING:
    from pytest_plexdev.stack.kind.settings import KindSettings

Here: TypeAlias = Literal["embedded", "kind"]
"""The stacks that a machine has running for everybody to find."""
Missing: TypeAlias = Callable[[str | None], PlexdevError]
"""Makes the error for a stack that is not there, of the kind that was chosen."""

STACK_FILE: Final = "stack.json"
_UNUSABLE: Final = (
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    API_SILENT,
    SERVICE_NOT_READY,
    EXTRA_MISSING,
)
"""Errors of a warm cluster that cannot be used; an embedded stack that runs can be."""
_DOCKER_ANSWERS: Final = 1.0
"""Seconds in which Docker tells of a container; it takes some 20 ms."""


@dataclass(frozen=True)
class Attached:
    """A stack, and who can say its state.

    Attributes:
        drift: The inputs of a running stack that are other than this checkout's, where that is let pass.
        passed_over: Why the warm cluster is not used, where one is known and this is another stack.
    """

    provider: Provider
    info: StackInfo
    drift: tuple[str, ...] = ()
    passed_over: str = ""


def find_warm(chosen: Here | None = None, *, directory: Path | None = None, missing: Missing | None = None) -> Attached:
    """The stack that ``plexdev up`` or somebody else left running, as it is: found by files and sockets alone.

    Args:
        chosen: Which, where both kinds run; the cluster by default.
        directory: Of another stack that runs: one that a test run kept.
        missing: Makes the error where there is none; by default one for which Docker is asked, where there is one.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``; what is wrong with the cluster's node.
    """
    if directory is not None:
        return _find_kept(directory)
    return find_running(chosen, _find_cluster, missing)


def find_any(chosen: Here | None = None, *, directory: Path | None = None) -> Attached:
    """What :func:`find_warm` gives, and a cluster's stack whose API does not answer: for what is known without it."""
    if directory is not None:
        return _find_kept(directory)
    return find_running(chosen, _find_cluster_even_silent)


def find_kept_cluster(directory: Path) -> Attached | None:
    """The stack of the cluster that a test run kept in *directory*; ``None`` where that has none."""
    file = directory / STACK_FILE
    info = StackInfo.read(file) if file.is_file() else None
    if info is None or info.cluster is None:
        return None
    from pytest_plexdev.stack.kind.settings import KindSettings

    return cluster_stack(info, KindSettings(name=info.cluster.name))


def end_kept_cluster(directory: Path) -> bool:
    """Delete the cluster that a test run kept in *directory*, if it kept one there.

    The directory's mark says which, so that what is written of the stack may be damaged.

    Raises:
        PlexdevError: It could not be deleted; ``state-damaged``, ``untrusted-path``: nothing says what is there.
    """
    from pytest_plexdev.core.ownership.lock import look

    mark = None
    with contextlib.suppress(PlexdevError):
        found = look(directory)
        mark = found.mark if found is not None else None
    if mark is None:
        attached = find_kept_cluster(directory)
        if attached is not None:
            attached.provider.down(attached.info)
        return attached is not None
    if mark.kind == "cluster":
        from pytest_plexdev.stack.kind.provider import KindProvider
        from pytest_plexdev.stack.kind.settings import KindSettings

        KindProvider(KindSettings(name=mark.name), directory.absolute()).down(None)
    return mark.kind == "cluster"


def stack_missing(chosen: str | None) -> PlexdevError:
    """The error for a stack that is not there, by what was looked for."""
    from pytest_plexdev.stack.embedded.warm import warm_directory
    from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, context_of

    looked_for = {
        "kind": f"a kind cluster with the context {context_of(WARM_CLUSTER)}",
        "embedded": f"an embedded stack in {warm_directory()}",
    }
    places = [looked_for[chosen]] if chosen in looked_for else looked_for.values()
    option = " --stack kind" if chosen == "kind" else ""
    return PlexdevError(STACK_MISSING, looked_for=" and for ".join(places), option=option)


def find_running(
    chosen: str | None, find_cluster: Callable[[], Attached | None], missing: Missing | None = None
) -> Attached:
    """The running stack of the kind chosen; where none was, the cluster's before that of plain processes.

    Args:
        find_cluster: Finds the warm cluster's stack; ``None``: there is none.
        missing: See :func:`find_warm`.

    Raises:
        PlexdevError: There is none, or the cluster chosen cannot be used.
    """
    attached, refusal = None, None
    if chosen != "embedded":
        try:
            attached = find_cluster()
        except PlexdevError as error:
            if chosen == "kind" or error.failure not in _UNUSABLE:
                raise
            refusal = error
    if attached is None and chosen != "kind":
        attached = _find_processes()
    if attached is None:
        raise refusal or (missing or _node_error_or_missing)(chosen)
    return attached if refusal is None else replace(attached, passed_over=_first_line(refusal))


def _node_error_or_missing(chosen: str | None) -> PlexdevError:
    # Files may be gone while the cluster runs: the engine knows. What asks it is imported where there is one.
    if chosen == "embedded" or shutil.which("docker") is None:
        return stack_missing(chosen)
    from pytest_plexdev.stack.kind.warm.node_status import warm_node_problem

    problem = warm_node_problem(patience=_DOCKER_ANSWERS)
    return stack_missing(chosen) if problem is None else problem.error


def _first_line(error: PlexdevError) -> str:
    return printable(error.headline)


def _find_cluster() -> Attached | None:
    from pytest_plexdev.stack.kind.warm import attach as cluster

    return _as_found(cluster.find())


def _find_cluster_even_silent() -> Attached | None:
    from pytest_plexdev.stack.kind.warm import attach as cluster

    return _as_found(cluster.find_silent_too())


def _as_found(info: StackInfo | None) -> Attached | None:
    from pytest_plexdev.stack.kind.settings import KindSettings

    return cluster_stack(info, KindSettings()) if info is not None else None


def cluster_stack(info: StackInfo, settings: KindSettings, drift: Sequence[str] = ()) -> Attached:
    # Not before there is one: it imports an HTTP client, and to say that there is no stack takes none.
    from pytest_plexdev.stack.kind.provider import KindProvider

    return Attached(KindProvider(settings, info.directory), info, tuple(drift))


def _find_processes() -> Attached | None:
    from pytest_plexdev.stack.embedded.warm import find_warm

    info = find_warm()
    return _processes_stack(info) if info is not None else None


def _processes_stack(info: StackInfo) -> Attached:
    from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings

    return Attached(EmbeddedProvider(EmbeddedSettings(id=info.id), info.directory), info)


def _find_kept(directory: Path) -> Attached:
    from pytest_plexdev.stack.embedded.warm import find_in

    if info := find_in(directory):
        return _processes_stack(info)
    attached = find_kept_cluster(directory)
    if attached is None:
        raise PlexdevError(KEPT_STACK_MISSING, directory=directory)
    return attached
