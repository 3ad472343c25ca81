"""The warm stack: the one that ``plexdev up`` leaves running, at a place where everybody of this user finds it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.errors import STACK_BROKEN, STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.stack.directories import state_directory
from pytest_plexdev.stack.embedded.layout import stack_file, supervisor_of
from pytest_plexdev.stack.embedded.settings import WARM_ID
from pytest_plexdev.stack.model import StackInfo

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.model import Progress


def warm_directory(state: Path | None = None) -> Path:
    """Its directory, whether there is a stack or not."""
    return (state or state_directory()) / WARM_ID


def find_warm(state: Path | None = None) -> StackInfo | None:
    """The warm stack, or ``None``: two files and one look at a process, no connection, well under a millisecond.

    Args:
        state: The directory below which it is; by default that of :func:`settings.state_directory`.
    """
    return find_in(warm_directory(state))


def find_in(directory: Path) -> StackInfo | None:
    """The stack that runs in *directory*, or ``None``."""
    supervisor = supervisor_of(directory)
    if supervisor is None or not supervisor.is_alive:
        return None
    try:
        return StackInfo.read(stack_file(directory))
    except FileNotFoundError:
        return None


def bring_up_warm(
    settings: EmbeddedSettings, progress: Progress, *, state: Path | None = None
) -> tuple[StackInfo, bool]:
    """The warm stack, and whether it is new; of two who ask at once, one brings it up and the other waits.

    Raises:
        PlexdevError: It did not become ready, or there is no place for its files; ``stack-broken`` where it runs
            and is not whole.
    """
    from filelock import FileLock

    from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
    from pytest_plexdev.stack.embedded.template import storage_errors

    directory = warm_directory(state)
    lock = FileLock(directory.with_name("warm.lock"))
    with storage_errors(directory.parent, refused=STATE_UNWRITABLE):
        directory.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    with contextlib.ExitStack() as held:
        held.callback(lock.release)
        if info := find_warm(state):
            _refuse_broken(info)
            return info, False
        return EmbeddedProvider(settings, directory).up(progress), True


def parts_that_differ(settings: EmbeddedSettings, info: StackInfo) -> list[str]:
    """The parts that are real where *settings* would bring up a stand-in, or the other way round."""
    from pytest_plexdev.stack.embedded import spicedb
    from pytest_plexdev.stack.embedded.identity_provider import find_dex

    wants_real = {"dex": find_dex(settings) is not None, "spicedb": spicedb.find(settings.prefer) is not None}
    is_real = {service.name: service.stands_in_for is None for service in info.services}
    return [name for name, real in wants_real.items() if is_real.get(name, real) != real]


def _refuse_broken(info: StackInfo) -> None:
    from pytest_plexdev.stack.embedded.state import verdicts

    broken = [verdict for verdict in verdicts(info) if verdict.state != "ready"]
    if broken:
        services = ", ".join(f"{verdict.name} is {verdict.state}" for verdict in broken)
        reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in broken)
        raise PlexdevError(STACK_BROKEN, services=services, reason=reason)
