"""Locate the user's caches and stacks, and check that they can be written."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path

from pytest_plexdev.core.private_files import check_private, make_private_directory
from pytest_plexdev.core.start_directory import START_DIRECTORY
from pytest_plexdev.errors import CACHE_UNWRITABLE, DISK_FULL, STATE_UNWRITABLE, Failure, PlexdevError


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the cache directory: ``PLEXDEV_CACHE_DIR``, else below ``XDG_CACHE_HOME``, else ``~/.cache``.

    Raises:
        PlexdevError: ``cache-unwritable``: none of these is set, and this user has no home.
    """
    return _directory(environment, "PLEXDEV_CACHE_DIR", "XDG_CACHE_HOME", ".cache", CACHE_UNWRITABLE)


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the state directory: ``PLEXDEV_STATE_DIR``, else below ``XDG_STATE_HOME``, else ``~/.local/state``.

    Raises:
        PlexdevError: ``state-unwritable``: none of these is set, and this user has no home.
    """
    return _directory(environment, "PLEXDEV_STATE_DIR", "XDG_STATE_HOME", ".local/state", STATE_UNWRITABLE)


def home_directory() -> Path | None:
    """Return the user's home; ``None`` for an id without one, as in containers with an arbitrary user."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def ensure_writable(directory: Path, *, refused: Failure = CACHE_UNWRITABLE) -> None:
    """Create *directory* if it is missing, with mode 0700, and refuse one that is not this user's alone.

    Raises:
        PlexdevError: *refused* (facts ``path``, ``reason``): this user cannot create files there; ``untrusted-path``:
            another user owns it or may write to it; ``disk-full``.
    """
    try:
        if not os.path.lexists(directory):
            make_private_directory(directory)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PlexdevError(DISK_FULL, path=mount_point(directory)) from error
        reason = why_unwritable(directory) if isinstance(error, PermissionError) else error.strerror or str(error)
        raise PlexdevError(refused, path=directory, reason=reason) from error
    directory = _without_own_link(directory)
    if directory.is_symlink():
        check_private(directory)  # raises; not every kernel follows another user's link
    if not directory.is_dir():
        raise PlexdevError(refused, path=directory, reason="it is not a directory")
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PlexdevError(refused, path=directory, reason=why_unwritable(directory))
    check_private(directory)


def cache_room(name: str, cache: Path | None = None) -> Path:
    """Return a directory of the cache that no other user can write to. It is created if missing.

    Args:
        cache: The cache directory; by default the user's.

    Raises:
        PlexdevError: ``cache-unwritable``, ``untrusted-path``, ``disk-full``.
    """
    cache = cache or cache_directory()
    ensure_writable(cache)
    ensure_writable(cache / name)
    return cache / name


def why_unwritable(path: Path) -> str:
    """Explain why this user cannot write to *path*: owner or mode of the nearest directory, or the file system."""
    there = next(each for each in (path, *path.parents) if each == each.parent or _is_visible(each))
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return f"the file system of {there} is read-only"
    status = there.stat()
    if status.st_uid != os.geteuid():
        return f"{there} belongs to {_user(status.st_uid)}, and this is {_user(os.geteuid())}"
    mode = stat.S_IMODE(status.st_mode)
    needed = stat.S_IWUSR | stat.S_IXUSR if stat.S_ISDIR(status.st_mode) else stat.S_IWUSR
    if mode & needed != needed:
        return f"{there} has mode {mode:04o}, which does not let its owner write there"
    return f"the mode of {there}, {mode:04o}, allows it: an attribute (lsattr) or a security module denies it"


def mount_point(path: Path) -> Path:
    """Return the mount point of the file system of *path*, which need not exist."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if os.path.ismount(each))


def _without_own_link(directory: Path) -> Path:
    """Follow a link that this user created: a home on a small disk has its cache elsewhere."""
    try:
        found = directory.lstat()
    except OSError:
        return directory
    is_own_link = stat.S_ISLNK(found.st_mode) and found.st_uid == os.geteuid()
    return directory.resolve() if is_own_link else directory


def _is_visible(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # Path.exists() raises it where a directory above may not be entered.
        return False
    return True


def _directory(environment: Mapping[str, str], own: str, xdg: str, below_home: str, refused: Failure) -> Path:
    if chosen := environment.get(own):
        return (START_DIRECTORY / chosen).absolute()
    base = Path(environment.get(xdg, ""))
    # The XDG specification: a path that is not absolute is to be ignored.
    if base.is_absolute():
        return base / "plexdev"
    home = home_directory()
    if home is None:
        reason = f"HOME is not set, and {_user(os.geteuid())} has no home directory"
        raise PlexdevError(refused, path=f"~/{below_home}/plexdev", reason=reason)
    return home / below_home / "plexdev"


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name} (id {uid})"
    except KeyError:
        return f"the user with id {uid}"
