"""Find the kubeconfigs that name a cluster at which somebody listens: our own first, then the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.paths import home_directory
from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.errors.cluster import KUBECONFIG_UNUSABLE, NOT_LOOPBACK
from pytest_plexdev.stack.kind.constants import context_of

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access

_CONNECTS: Final = 0.05
"""Seconds in which a listener of this machine accepts; a millisecond is usual."""


def candidates(directory: Path, name: str) -> Iterator[Access]:
    """Ways to a cluster of that name that somebody listens at: our own kubeconfig first, then the user's.

    Our own that is damaged is passed over: ``plexdev up`` writes it anew, and Docker says whether the cluster is there.

    Raises:
        PlexdevError: ``kubeconfig-unusable``, ``not-loopback``: of the first file whose context cannot be used, once
            nobody has taken another one.
    """
    unusable: PlexdevError | None = None
    for path in (directory / "kubeconfig", *_users_kubeconfigs()):
        is_own = path.parent == directory
        try:
            access = _access(path, name)
            if access is None or not _listens(access):
                continue
            if is_own:
                access.tls()
        except PlexdevError as error:
            if error.failure not in {KUBECONFIG_UNUSABLE, NOT_LOOPBACK}:
                raise
            if error.failure is NOT_LOOPBACK or not is_own:
                unusable = unusable or error
            continue
        yield access if is_own else _kept(access, directory / "attached" / "kubeconfig")
    if unusable is not None:
        raise unusable


def unreadable_paths(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The paths of KUBECONFIG that are no files: directories and pipes, say, in which no program finds a context."""
    return [path for path in _users_kubeconfigs(environment) if path.exists() and not _is_readable(path)]


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


def _is_readable(path: Path) -> bool:
    from pytest_plexdev.kube.files import read_file

    try:
        read_file(path)
    except OSError:
        return False
    return True


def _users_kubeconfigs(environment: Mapping[str, str] = os.environ) -> list[Path]:
    named = environment.get("KUBECONFIG", "")
    if chosen := [Path(part) for part in named.split(os.pathsep) if part]:
        return chosen
    home = home_directory()
    return [home / ".kube" / "config"] if home is not None else []


def _listens(access: Access) -> bool:
    from pytest_plexdev.stack.kind.state.endpoints import listens

    return listens(access.port, patience=_CONNECTS)
