"""Find the kubeconfigs of a cluster whose API server's port is open: our own first, then the user's."""

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
"""Seconds within which a listener on this machine accepts a connection; usually a millisecond."""


def candidates(directory: Path, name: str) -> Iterator[Access]:
    """Yield the access to clusters of that name whose port is open: our own kubeconfig first, then the user's.

    Our own is skipped if it is damaged: ``plexdev up`` writes it again, and Docker knows whether the cluster exists.

    Raises:
        PlexdevError: ``kubeconfig-unusable``, ``not-loopback``: of the first file whose context cannot be used, after
            all others were yielded.
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
    """List the paths of KUBECONFIG that no program can read a context from, such as directories and pipes."""
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
    from pytest_plexdev.kube.user_files import read_file

    try:
        return context.encode() in read_file(path)
    except OSError:
        return False


def _is_readable(path: Path) -> bool:
    from pytest_plexdev.kube.user_files import read_file

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
