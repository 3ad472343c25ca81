"""The warm embedded stack, which ``plexdev up`` leaves running where every process of this user finds it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_plexdev.core.model import Service, StackInfo
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.errors import STACK_BROKEN, STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.stack.embedded.layout import stack_file
from pytest_plexdev.stack.embedded.owner import has_lost_supervisor, how_to_begin_anew
from pytest_plexdev.stack.embedded.settings import WARM_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_plexdev.core.model import Progress, Verdict
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.request import UpOptions


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
    """The stack that runs in *directory*, in whatever container its supervisor does, or ``None``.

    Raises:
        PlexdevError: ``stack-broken``: one runs whose mark was deleted or replaced; ``state-damaged``,
            ``untrusted-path``.
    """
    found = look(directory)
    if found is None or not found.is_owned:
        if has_lost_supervisor(directory):
            raise _lost(directory)
        return None
    if found.mark is not None and found.mark.kind != "stack":
        return None
    try:
        return read_stack(directory)
    except FileNotFoundError:
        return None


def read_stack(directory: Path) -> StackInfo:
    """What is written of the stack in *directory*, and only of that one: no other directory is believed, and no log.

    Raises:
        PlexdevError: ``state-damaged``, ``untrusted-path``.
        FileNotFoundError: It is not ready.
    """
    directory = directory.absolute()
    info = StackInfo.read(stack_file(directory), fix=how_to_begin_anew(directory))
    found = look(directory)
    is_here = found is not None and found.mark is not None and found.mark.is_from_here
    services = tuple(_believed(service, directory / "logs", is_here=is_here) for service in info.services)
    return replace(info, provider="embedded", directory=directory, services=services, cluster=None)


def _believed(service: Service, logs: Path, *, is_here: bool) -> Service:
    log = logs / service.log.name if service.log is not None else None
    # In another PID namespace the pid is that of somebody else, or of nobody.
    return replace(service, log=log, pid=service.pid if is_here else None)


def bring_up_warm(
    settings: EmbeddedSettings, progress: Progress, *, state: Path | None = None
) -> tuple[StackInfo, bool]:
    """The warm stack, and whether it is new; of two who ask at once, one brings it up and the other waits.

    Raises:
        PlexdevError: It did not become ready, or there is no place for its files; ``stack-broken`` where it runs
            and is not whole.
    """
    from filelock import FileLock

    from pytest_plexdev.stack.embedded import launch
    from pytest_plexdev.stack.embedded.servers.postgres_template import storage_errors

    directory = warm_directory(state)
    lock = FileLock(directory.with_name("warm.lock"), mode=0o600)
    with storage_errors(directory.parent, refused=STATE_UNWRITABLE):
        make_private_directory(directory.parent)
        lock.acquire()
    with contextlib.ExitStack() as held:
        held.callback(lock.release)
        # One whose mark was deleted or replaced is ended, for nobody can use it any more.
        info = None if has_lost_supervisor(directory) else find_warm(state)
        if info is not None:
            _refuse_broken(info, directory)
            return info, False
        return launch.bring_up(settings, directory, progress), True


def differences(settings: EmbeddedSettings, info: StackInfo, up: UpOptions | None) -> list[str]:
    """What the running stack has otherwise than a new one with these settings would.

    Args:
        up: The options of the command: a port that was not given may be another.
    """
    from pytest_plexdev.stack.embedded import seeding

    differ = [*_parts_that_differ(settings, info), *_ports_that_differ(up, info)]
    return [*differ, "seed"] if seeding.differs(info, settings.seed) else differ


def _parts_that_differ(settings: EmbeddedSettings, info: StackInfo) -> list[str]:
    """The parts that are real where *settings* would bring up a stand-in, or the other way round."""
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


def _refuse_broken(info: StackInfo, directory: Path) -> None:
    from pytest_plexdev.stack.embedded.health import verdicts
    from pytest_plexdev.stack.embedded.owner import SUPERVISOR

    broken = [verdict for verdict in verdicts(info) if verdict.state != "ready"]
    if broken:
        # Where nothing here can end it, to be told to end it leads nowhere.
        if (supervisor := SUPERVISOR.find(directory)) is not None:
            supervisor.close()
        raise stack_broken(broken, fix=how_to_begin_anew(directory, info.up_command))


def _lost(directory: Path) -> PlexdevError:
    services = f"its files in {directory} were deleted or replaced"
    reason = "its supervisor and its servers still run, but only these files had their addresses"
    return PlexdevError(STACK_BROKEN, services=services, reason=reason, fix=how_to_begin_anew(directory))


def stack_broken(broken: Sequence[Verdict], *, fix: str) -> PlexdevError:
    """The error for a stack that runs and is not whole."""
    services = ", ".join(f"{verdict.name} is {verdict.state}" for verdict in broken)
    reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in broken)
    return PlexdevError(STACK_BROKEN, services=services, reason=reason, fix=fix)
