"""The warm cluster: ``kind-plexsphere``, ours or somebody else's, at a place where everybody of this user finds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, CLUSTER_UNREACHABLE, DRIFTED, NOT_LOOPBACK
from pytest_plexdev.stack.directories import state_directory
from pytest_plexdev.stack.kind.names import NAMESPACE, WARM_CLUSTER, context_of
from pytest_plexdev.stack.kind.settings import Addresses

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access, KubeClient
    from pytest_plexdev.stack.kind.marks.sentinel import Ready
    from pytest_plexdev.stack.kind.settings import KindSettings
    from pytest_plexdev.stack.model import Progress, StackInfo

UNFINISHED: Final = "its bring-up was never completed"
_CONNECTS: Final = 0.05
"""Seconds in which a listener of this machine accepts; a millisecond is usual."""
_ANSWERS: Final = 2.0


def warm_directory(state: Path | None = None, name: str = WARM_CLUSTER) -> Path:
    """The directory of the warm cluster's files, whether there is one or not."""
    return (state or state_directory()) / "kind" / name


def find(state: Path | None = None, *, name: str = WARM_CLUSTER) -> StackInfo | None:
    """The stack of the warm cluster, or ``None``: files and sockets alone, nothing is applied.

    Raises:
        PlexdevError: ``not-loopback``: the context is there and its API server is not on this machine;
            ``api-silent``: the cluster is there and its API does not answer.
    """
    return _first(state, name, _version)


def find_silent_too(state: Path | None = None, *, name: str = WARM_CLUSTER) -> StackInfo | None:
    """What :func:`find` finds, whether its API answers or not: for what its cluster alone knows.

    Raises:
        PlexdevError: ``not-loopback``; ``api-silent``: the cluster is there, and nothing of a stack is in it.
    """
    return _first(state, name, _unasked)


def _first(state: Path | None, name: str, ask: Callable[[str], Mapping[str, Any]]) -> StackInfo | None:
    found = (_look_at(access, name, ask) for access in accesses(warm_directory(state, name), name))
    return next((info for info in found if info is not None), None)


def _version(api: str) -> Mapping[str, Any]:
    from pytest_plexdev.stack.kind.marks import answers

    return answers.version(api, patience=_ANSWERS)


def _unasked(_: str) -> Mapping[str, Any]:
    return {}


def attach(settings: KindSettings, progress: Progress) -> StackInfo | None:
    """What :func:`find` finds, after ``settings.on_drift`` was obeyed where it is ours and has another fingerprint.

    A bring-up of another process, or its end, that is under way is waited for.

    Raises:
        PlexdevError: ``drifted``, with ``on_drift="fail"``; ``cluster-busy``; what :func:`find` raises.
    """
    _wait_for_others(settings, progress)
    info = find(settings.state, name=settings.name)
    if info is None or settings.on_drift == "ignore":
        return info
    differ = drift(settings, info)
    if not differ:
        return info
    if settings.on_drift == "fail":
        raise PlexdevError(DRIFTED, name=settings.name, inputs=", ".join(differ))
    return bring_up(settings, progress)[0]


def _wait_for_others(settings: KindSettings, progress: Progress) -> None:
    from pytest_plexdev.stack.kind.host.hold import hold, is_held

    if is_held(settings.state):
        with hold(settings.state, timeout=settings.timeout, progress=progress):
            pass


def drift(settings: KindSettings, info: StackInfo) -> list[str]:
    """The inputs that differ from what was applied; empty where the cluster is not ours."""
    from pytest_plexdev.kube import KubeClient, read_access
    from pytest_plexdev.stack.kind.marks import sentinel

    assert info.cluster is not None
    access = read_access(info.cluster.kubeconfig, info.cluster.context) if info.cluster.owned else None
    if access is None:
        return []
    with KubeClient(access) as client:
        return differences(client, sentinel.read_ready(client), settings)


def differences(client: KubeClient, ready: Ready | None, settings: KindSettings) -> list[str]:
    """The inputs that are not what the mark *ready* says that they were when the stack was brought up."""
    if ready is None:
        return [UNFINISHED]
    from pytest_plexdev.stack.kind.marks import database, fingerprint

    return fingerprint.differing(ready.fingerprint, {**fingerprint.current(settings), **database.identity(client)})


def bring_up(settings: KindSettings, progress: Progress) -> tuple[StackInfo, list[str]]:
    """The warm stack, and what was done and skipped for it, in words.

    Raises:
        PlexdevError: ``foreign-cluster`` where it is not ours; whatever a bring-up can fail with.
    """
    from pytest_plexdev.stack.kind import warm_up

    return warm_up.bring_up(settings, progress)


def take_down(settings: KindSettings, *, force: bool, progress: Progress) -> list[str]:
    """Delete the warm cluster where it is ours, or *force* says so. What was done, in lines for a person."""
    from pytest_plexdev.stack.kind import warm_up

    return warm_up.take_down(settings, force=force, progress=progress)


def accesses(directory: Path, name: str) -> Iterator[Access]:
    """Ways to a cluster of that name that somebody listens at: our own kubeconfig first, then the user's."""
    for path in (directory / "kubeconfig", *_users_kubeconfigs()):
        access = _access(path, name)
        if access is None or not _listens(access):
            continue
        is_own = path.parent == directory
        yield access if is_own else _kept(access, directory / "attached" / "kubeconfig")


def is_mentioned(directory: Path, name: str) -> bool:
    """Whether a kubeconfig of this user has a cluster of that name, one that is there or one that was."""
    paths = (directory / "kubeconfig", directory / "attached" / "kubeconfig", *_users_kubeconfigs())
    return any(_mentions(path, context_of(name)) for path in paths)


def _kept(access: Access, path: Path) -> Access:
    try:
        return access.write_private(path)
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=path.parent, reason=error.strerror or str(error)) from None


def _access(path: Path, name: str) -> Access | None:
    context = context_of(name)
    if not _mentions(path, context):
        return None
    from pytest_plexdev.kube.kubeconfig import read_access

    access = read_access(path, context)
    if access is not None and not access.is_loopback:
        raise PlexdevError(NOT_LOOPBACK, context=context, path=path, server=access.server)
    return access


def _mentions(path: Path, context: str) -> bool:
    try:
        return context.encode() in path.read_bytes()
    except OSError:
        return False


def _users_kubeconfigs() -> list[Path]:
    named = os.environ.get("KUBECONFIG", "")
    return [Path(part) for part in named.split(os.pathsep) if part] or [Path.home() / ".kube" / "config"]


def _listens(access: Access) -> bool:
    from pytest_plexdev.stack.kind.marks.answers import listens

    return listens(urlsplit(access.server).port or 443, patience=_CONNECTS)


def _look_at(access: Access, name: str, ask: Callable[[str], Mapping[str, Any]]) -> StackInfo | None:
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.stack.kind.host.place import Place
    from pytest_plexdev.stack.kind.marks import sentinel
    from pytest_plexdev.stack.kind.marks.describe import services_in, stack_info

    with KubeClient(access) as client:
        owned = sentinel.is_ours(client)
        ready = sentinel.read_ready(client) if owned else None
        try:
            known = ready or sentinel.Ready(addresses=Addresses(), services=services_in(client))
        except PlexdevError as error:
            if error.failure is CLUSTER_UNREACHABLE:
                # Another program listens where that cluster did.
                return None
            raise
        try:
            if not known.services:
                # What answers at that port is another stack's, then.
                raise ValueError(f"nothing runs in its namespace {NAMESPACE}")
            version = ask(known.addresses.api)
        except (OSError, ValueError) as error:
            fix = "plexdev up --stack kind" if owned else client.command("get", "pods")
            reason = str(error) or type(error).__name__
            raise PlexdevError(API_SILENT, name=name, url=known.addresses.api, reason=reason, fix=fix) from None
    place = Place(name, access.kubeconfig.parent)
    return stack_info(place, access, known, owned=owned, version=version)
