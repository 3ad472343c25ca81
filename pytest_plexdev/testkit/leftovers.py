"""Remove the Domains that finished runs left on a running stack.

The contract cannot delete Nodes and Identities, so a Domain with one of them could never be removed. Therefore each
Domain of a test is marked with its run, and a later run deletes the Domains of finished runs from the reference plane's
database, in a background thread. Other control planes keep them.
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
"""A stack with this capability runs the reference plane, whose tables are known."""
_MAX_REMOVED: Final = 200
"""Maximum number of Domains that one run removes."""
_LOCK: Final = 5_063_710
"""Key of the Postgres advisory lock that allows one process at a time."""
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
"""In the order of the foreign keys. Tokens, sessions and secrets are deleted by cascade."""


@dataclass(frozen=True)
class RunMark:
    """The run to which a Domain belongs, stored in its description.

    Attributes:
        owner: The controller of the run.
        namespace: The boot and the PID namespace in which the owner's pid is valid.
    """

    owner: ProcessId
    namespace: str

    @classmethod
    def of(cls, controller_pid: int) -> Self:
        """Return the mark of the run with that controller.

        Raises:
            OSError: This system does not identify processes.
        """
        return cls(ProcessId.of(controller_pid), _this_namespace())

    @classmethod
    def parse(cls, description: str) -> Self | None:
        """Return the mark in a Domain's description, or ``None`` if it has none."""
        found = _MARK.fullmatch(description)
        return cls(ProcessId(int(found[1]), int(found[2])), found[3]) if found else None

    def __str__(self) -> str:
        return f"plexdev run: pid {self.owner.pid}, started {self.owner.started}, in {self.namespace}"

    def has_ended(self, *, is_old: bool) -> bool:
        """Whether the run has ended.

        Args:
            is_old: Whether its Domain is a day old. This decides for a run of another machine or container.
        """
        if self.namespace != _this_namespace():
            return is_old
        try:
            return not self.owner.is_alive
        except OSError:
            return False


def mark_of_run(controller_pid: int) -> str | None:
    """Return the mark for the Domains of a run, or ``None`` if this system does not identify processes."""
    try:
        return str(RunMark.of(controller_pid))
    except OSError:
        return None


class Removal:
    """Removes the Domains of finished runs in a background thread."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._thread = threading.Thread(target=self._run, name="plexdev-leftovers", daemon=True)

    def start(self) -> None:
        """Start the thread, if the stack runs the reference plane and no libpq variable is set."""
        # PGHOSTADDR would select another database, and hiding it for this thread would also hide it from the tests.
        if self._stack.can(_REFERENCE_ONLY) and not libpq_variables():
            self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait up to *timeout* seconds. An unfinished deletion is rolled back; the next run repeats it."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        # Best effort: no test depends on it, and the next run tries again.
        with contextlib.suppress(Exception):
            self._remove()

    def _remove(self) -> None:
        import psycopg

        # A port-forward ends with the thread that opened it, so this thread has its own provider.
        with (
            contextlib.closing(self._stack.provider.clone()) as provider,
            psycopg.connect(
                provider.reach(self._stack.info, "postgres"), autocommit=True, connect_timeout=5
            ) as connection,
        ):
            remove_ended(connection)


def remove_ended(connection: psycopg.Connection[Any]) -> list[str]:
    """Remove the Domains of finished runs, each in its own transaction.

    Returns:
        The ids of the removed Domains; empty if another process is removing them.
    """
    locked = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if locked != (True,):
        return []
    rows = connection.execute(_FIND).fetchall()
    found = [(domain, RunMark.parse(description), is_old) for domain, description, is_old in rows]
    ended = [domain for domain, mark, is_old in found if mark is not None and mark.has_ended(is_old=is_old)]
    return [domain for domain in ended[:_MAX_REMOVED] if _delete(connection, domain)]


def _delete(connection: psycopg.Connection[Any], domain: str) -> bool:
    import psycopg

    try:
        with connection.transaction():
            for statement in _DELETE:
                connection.execute(statement, {"domain": domain})
    except psycopg.errors.IntegrityError:
        return False  # a row of another table refers to it
    return True


def _this_namespace() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
