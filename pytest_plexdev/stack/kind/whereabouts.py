"""Where the warm cluster is: its files, and the kubeconfigs that name it, ours and the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.errors.cluster import KUBECONFIG_UNUSABLE, NOT_LOOPBACK
from pytest_plexdev.stack.directories import home_directory, state_directory
from pytest_plexdev.stack.kind.names import WARM_CLUSTER, context_of

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access

_CONNECTS: Final = 0.05
"""Seconds in which a listener of this machine accepts; a millisecond is usual."""


def warm_directory(state: Path | None = None, name: str = WARM_CLUSTER) -> Path:
    """The directory of the warm cluster's files, whether there is one or not."""
    return (state or state_directory()) / "kind" / name


def accesses(directory: Path, name: str) -> Iterator[Access]:
    """Ways to a cluster of that name that somebody listens at: our own kubeconfig first, then the user's.

    Raises:
        PlexdevError: ``kubeconfig-unusable``, ``not-loopback``: of the first file whose context cannot be used, once
            nobody has taken another one.
    """
    unusable: PlexdevError | None = None
    for path in (directory / "kubeconfig", *_users_kubeconfigs()):
        try:
            access = _access(path, name)
        except PlexdevError as error:
            if error.failure not in {KUBECONFIG_UNUSABLE, NOT_LOOPBACK}:
                raise
            unusable = unusable or error
            continue
        if access is None or not _listens(access):
            continue
        is_own = path.parent == directory
        yield access if is_own else _kept(access, directory / "attached" / "kubeconfig")
    if unusable is not None:
        raise unusable


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
    from pytest_plexdev.kube.files import read_file

    try:
        return context.encode() in read_file(path)
    except OSError:
        return False


def _users_kubeconfigs() -> list[Path]:
    named = os.environ.get("KUBECONFIG", "")
    if chosen := [Path(part) for part in named.split(os.pathsep) if part]:
        return chosen
    home = home_directory()
    return [home / ".kube" / "config"] if home is not None else []


def _listens(access: Access) -> bool:
    from pytest_plexdev.stack.kind.marks.answers import listens

    return listens(access.port, patience=_CONNECTS)
