"""Remove the Domains that finished runs left on a running stack.

The contract deletes no Node and no Identity, so a Domain that has either would stay for ever. Each Domain of a test is
marked with its run; a later run removes those whose run is over, from the reference plane's database, in a thread of
its own: no test waits for it. On another control plane they stay.
"""

from __future__ import annotations

import contextlib
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.testkit.database import libpq_variables

if TYPE_CHECKING:
    import psycopg

    from pytest_plexdev.testkit.stack import Stack

_REFERENCE_ONLY: Final = "age-heartbeat"
"""A stack that can do this runs the reference plane, whose tables are known."""
_MOST: Final = 200
"""Domains that one run removes."""
_LOCK: Final = 5_063_710
"""Of Postgres' advisory locks: of several processes one does it."""
_MARK: Final = re.compile(r"plexdev run: pid (\d+), started (\d+), in (\S+)")
_FIND: Final = (
    "SELECT id::text, description, created_at < now() - interval '1 day' FROM plexsphere.domains"
    " WHERE slug LIKE 't-%' AND description LIKE 'plexdev run: %' ORDER BY created_at LIMIT 1000"
)
_DELETE: Final = (
    "DELETE FROM plexsphere.nodes WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.resources WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.label_definitions WHERE scope_id = %(domain)s",
    (
        "DELETE FROM plexsphere.label_definitions l USING plexsphere.projects p"
        " WHERE p.domain_id = %(domain)s AND l.scope_id = p.id"
    ),
    "DELETE FROM plexsphere.projects WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.groups WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.idp_bindings WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.users WHERE domain_id = %(domain)s",
    "DELETE FROM plexsphere.domains WHERE id = %(domain)s",
)
"""In the order of the foreign keys; tokens, sessions and secrets go with what they belong to."""


@dataclass(frozen=True)
class RunMark:
    """Which run a Domain belongs to, as its description says."""

    owner: ProcessId
    place: str
    """The boot and the PID namespace in which the owner's pid means something."""

    @classmethod
    def of(cls, controller_pid: int) -> Self:
        """The mark of the run with that controller.

        Raises:
            OSError: This system does not say.
        """
        return cls(ProcessId.of(controller_pid), _this_place())

    @classmethod
    def parse(cls, description: str) -> Self | None:
        """The mark in a Domain's description, if it is one."""
        found = _MARK.fullmatch(description)
        return cls(ProcessId(int(found[1]), int(found[2])), found[3]) if found else None

    def __str__(self) -> str:
        return f"plexdev run: pid {self.owner.pid}, started {self.owner.started}, in {self.place}"

    def has_ended(self, *, is_old: bool) -> bool:
        """Whether the run is over.

        Args:
            is_old: Whether its Domain is a day old: all there is to go by for a run of another machine or container.
        """
        if self.place != _this_place():
            return is_old
        try:
            return not self.owner.is_alive
        except OSError:
            return False


def mark_of_run(controller_pid: int) -> str | None:
    """The mark for the Domains of a run's tests; ``None`` if this system does not identify processes."""
    try:
        return str(RunMark.of(controller_pid))
    except OSError:
        return None


class Removal:
    """Removes what finished runs left, in the background from :meth:`start` on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._thread = threading.Thread(target=self._run, name="plexdev-leftovers", daemon=True)

    def start(self) -> None:
        """Start, where the database is the reference plane's and its URL alone leads there; return at once."""
        # PGHOSTADDR would lead to another database, and hiding it for this thread would hide it from the tests.
        if self._stack.can(_REFERENCE_ONLY) and not libpq_variables():
            self._thread.start()

    def join(self, timeout: float) -> None:
        """Let it finish, for some seconds at most; what is not done then is rolled back, and left to the next run."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        # Best effort: no test has asked for it, and the next run tries again.
        with contextlib.suppress(Exception):
            self._remove()

    def _remove(self) -> None:
        import psycopg

        # A way into a cluster ends with the thread that opened it, so this thread has a provider of its own.
        with (
            contextlib.closing(self._stack.provider.clone()) as provider,
            psycopg.connect(
                provider.reach(self._stack.info, "postgres"), autocommit=True, connect_timeout=5
            ) as connection,
        ):
            remove_ended(connection)


def remove_ended(connection: psycopg.Connection[Any]) -> list[str]:
    """Remove the Domains of runs that are over, each in a transaction of its own.

    Returns:
        Their ids; none where another process is at it.
    """
    locked = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if locked != (True,):
        return []
    found = [(domain, RunMark.parse(said), is_old) for domain, said, is_old in connection.execute(_FIND).fetchall()]
    ended = [domain for domain, mark, is_old in found if mark is not None and mark.has_ended(is_old=is_old)]
    return [domain for domain in ended[:_MOST] if _delete(connection, domain)]


def _delete(connection: psycopg.Connection[Any], domain: str) -> bool:
    import psycopg

    try:
        with connection.transaction():
            for statement in _DELETE:
                connection.execute(statement, {"domain": domain})
    except psycopg.errors.IntegrityError:
        return False  # something of it that is not known here
    return True


def _this_place() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
