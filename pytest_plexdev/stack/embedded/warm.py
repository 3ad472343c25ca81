"""Find or start the warm embedded stack, which ``plexdev up`` leaves running for all processes of this user."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_plexdev.core.model import Service, StackInfo, Verdict
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.progress import VerdictChanged
from pytest_plexdev.errors import STACK_BROKEN, STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.stack.embedded.layout import stack_file
from pytest_plexdev.stack.embedded.owner import has_lost_supervisor, recovery_command
from pytest_plexdev.stack.embedded.settings import WARM_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from filelock import BaseFileLock

    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.request import UpOptions


def warm_directory(state: Path | None = None) -> Path:
    """Return the directory of the warm stack, whether it runs or not."""
    return (state or state_directory()) / WARM_ID


def find_warm(state: Path | None = None) -> StackInfo | None:
    """Return the warm stack, or ``None`` if it does not run. Reads two files and a lock, in under a millisecond.

    Args:
        state: The state directory; by default :func:`~pytest_plexdev.core.paths.state_directory`.

    Raises:
        PlexdevError: See :func:`find_in`.
    """
    return find_in(warm_directory(state))


def find_in(directory: Path) -> StackInfo | None:
    """Return the stack that runs in *directory*, in any container, or ``None``.

    Raises:
        PlexdevError: ``stack-broken``: one runs and its mark was deleted or replaced; ``state-damaged``,
            ``untrusted-path``.
    """
    found = look(directory)
    if found is None or not found.is_owned:
        if has_lost_supervisor(directory):
            raise _lost_stack_error(directory)
        return None
    if found.mark is not None and found.mark.kind != "stack":
        return None
    try:
        return read_stack(directory)
    except FileNotFoundError:
        return None


def read_stack(directory: Path) -> StackInfo:
    """Read the file of the stack in *directory*. Paths in it are replaced by those of *directory*, for safety.

    Raises:
        PlexdevError: ``state-damaged``, ``untrusted-path``.
        FileNotFoundError: The stack is not ready.
    """
    directory = directory.absolute()
    info = StackInfo.read(stack_file(directory), fix=recovery_command(directory))
    found = look(directory)
    is_here = found is not None and found.mark is not None and found.mark.is_from_here
    services = tuple(_sanitized(service, directory / "logs", is_here=is_here) for service in info.services)
    return replace(info, provider="embedded", directory=directory, services=services, cluster=None)


def _sanitized(service: Service, logs: Path, *, is_here: bool) -> Service:
    log = logs / service.log.name if service.log is not None else None
    # In another PID namespace the pid belongs to another process or to none.
    return replace(service, log=log, pid=service.pid if is_here else None)


def bring_up_warm(
    settings: EmbeddedSettings, progress: Progress, *, state: Path | None = None
) -> tuple[StackInfo, bool]:
    """Return the warm stack and whether it is new. Concurrent callers wait for the first, which starts it.

    Raises:
        PlexdevError: It did not become ready, or its files cannot be written; ``stack-broken``: it runs incompletely.
    """
    from pytest_plexdev.stack.embedded import launch
    from pytest_plexdev.stack.embedded.servers.postgres_template import storage_errors

    directory = warm_directory(state)
    lock = _lock(directory)
    with storage_errors(directory.parent, refused=STATE_UNWRITABLE):
        make_private_directory(directory.parent)
        lock.acquire()
    with contextlib.ExitStack() as held:
        held.callback(lock.release)
        # A stack whose mark was deleted or replaced is stopped by the bring-up, because it can no longer be used.
        info = None if has_lost_supervisor(directory) else find_warm(state)
        if info is not None:
            _raise_if_broken(info, directory)
            return info, False
        return launch.bring_up(settings, directory, progress), True


def find_after_bring_up(directory: Path, progress: Progress, *, timeout_s: float) -> StackInfo | None:
    """Return the warm stack that another process brings up now; ``None`` if no process does, or not in time.

    Raises:
        PlexdevError: See :func:`find_in`.
    """
    lock = _lock(directory)
    if not Path(lock.lock_file).exists():
        return None
    # The lock may belong to another user.
    with contextlib.suppress(OSError):
        try:
            lock.acquire(timeout=0)
        except TimeoutError:
            progress(VerdictChanged(verdict=Verdict(name="stack", state="waiting", reason="another process starts it")))
            lock.acquire(timeout=timeout_s)
        lock.release()
    return find_in(directory)


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Lock the warm stack in *directory* for the time of the context: bring-ups, and runs that find none, wait."""
    with _lock(directory):
        yield


def _lock(directory: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(directory.with_name("warm.lock"), mode=0o600)


def differences(settings: EmbeddedSettings, info: StackInfo, up: UpOptions | None) -> list[str]:
    """Return the names of the parts in which the running stack differs from a new one with these settings.

    Args:
        up: The options of the command. A port is compared only if its option is given.
    """
    from pytest_plexdev.stack.embedded import seeding

    profile = ["profile"] if settings.requires_profile and settings.profile != info.profile else []
    differ = [*profile, *_parts_that_differ(settings, info), *_ports_that_differ(up, info)]
    return [*differ, "seed"] if seeding.differs(info, settings.seed) else differ


def _parts_that_differ(settings: EmbeddedSettings, info: StackInfo) -> list[str]:
    """The parts that are real and would be a stand-in with *settings*, or vice versa."""
    from pytest_plexdev.stack.embedded.servers import spicedb
    from pytest_plexdev.stack.embedded.servers.dex import find_dex

    wants_real = {"dex": find_dex(settings) is not None, "spicedb": spicedb.find(settings.prefer) is not None}
    is_real = {service.name: service.stands_in_for is None for service in info.services}
    return [name for name, real in wants_real.items() if is_real.get(name, real) != real]


def _ports_that_differ(up: UpOptions | None, info: StackInfo) -> list[str]:
    if up is None:
        return []
    given = (("port", up.port, info.endpoints.api), ("idp-port", up.idp_port, info.endpoints.issuer))
    return [name for name, port, url in given if port and urlsplit(url).port != port]


def _raise_if_broken(info: StackInfo, directory: Path) -> None:
    from pytest_plexdev.stack.embedded.health import verdicts
    from pytest_plexdev.stack.embedded.owner import SUPERVISOR

    broken = [verdict for verdict in verdicts(info) if verdict.state != "ready"]
    if broken:
        # Raises owned-elsewhere if the stack cannot be stopped from here: the fix below would not work.
        if (supervisor := SUPERVISOR.find(directory)) is not None:
            supervisor.close()
        raise stack_broken(broken, fix=recovery_command(directory, info.up_command))


def _lost_stack_error(directory: Path) -> PlexdevError:
    services = f"its files in {directory} were deleted or replaced"
    reason = "its supervisor and its servers still run, but only these files had their addresses"
    return PlexdevError(STACK_BROKEN, services=services, reason=reason, fix=recovery_command(directory))


def stack_broken(broken: Sequence[Verdict], *, fix: str) -> PlexdevError:
    """Build the error for a stack that runs incompletely.

    Args:
        broken: The verdicts that are not ``ready``.
        fix: The command that helps.
    """
    services = ", ".join(f"{verdict.name} is {verdict.state}" for verdict in broken)
    reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in broken)
    return PlexdevError(STACK_BROKEN, services=services, reason=reason, fix=fix)
