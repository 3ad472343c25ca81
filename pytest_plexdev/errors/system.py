"""Failures that the operating system reports."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

SYSTEM_REFUSED: Final = Failure(
    tag="system-refused",
    what="the operating system refused to {doing}: {reason}",
    why="{why}",
    fix="{fix}",
)
STDLIB_HIDDEN: Final = Failure(
    tag="stdlib-hidden",
    what="{path} hides Python's own module {name}",
    why="the directory of a test is first on sys.path, so every library of this run imports that file instead",
    fix="rename it; or run pytest with --import-mode=importlib",
)
LOOPBACK_DOWN: Final = Failure(
    tag="loopback-down",
    what="the loopback interface cannot be used: 127.0.0.1: {reason}",
    why="the servers of the embedded stack listen on 127.0.0.1 only, and every client connects to them there",
    fix="enable it: ip link set lo up (in a separate network namespace, its creator must do this)",
)
PSQL_MISSING: Final = Failure(
    tag="psql-missing",
    what="psql is not on PATH",
    why="plexdev psql runs PostgreSQL's own client",
    fix="install it (Debian: apt install postgresql-client; Fedora: dnf install postgresql); or type "
    '`eval "$(plexdev env)"` and use another client with $PLEXDEV_DATABASE_URL, on a cluster '
    "kubectl exec -it statefulset/postgres -c postgres -- psql -U plexsphere",
)
