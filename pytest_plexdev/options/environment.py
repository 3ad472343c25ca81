"""The environment variables that have a meaning, and those that only look like one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pytest_plexdev.options.table import OPTIONS

PREFIX: Final = "PLEXDEV_"
DIRECTORIES: Final = ("PLEXDEV_CACHE_DIR", "PLEXDEV_STATE_DIR")
"""Where caches and warm stacks are (``core/paths.py``)."""
EXPORTED: Final = ("PLEXDEV_API_URL", "PLEXDEV_ISSUER", "PLEXDEV_DATABASE_URL", "PLEXDEV_NATS_URL")
"""What ``plexdev env`` exports for other programs; nothing here reads it."""
TESTS_PREFIX: Final = "PLEXDEV_TEST_"
"""Of the variables that this project's own tests and benchmarks read."""


def known_variables() -> list[str]:
    """Every variable with the prefix that is read or exported, but for those of :data:`TESTS_PREFIX`."""
    options = (option.environment for option in OPTIONS if option.environment.startswith(PREFIX))
    return sorted({*options, *DIRECTORIES, *EXPORTED})


def unknown_variable_warnings(environment: Iterable[str]) -> Iterator[str]:
    """The text of a warning for each variable that has our prefix and that nothing reads: most likely a slip."""
    for name, meant in unknown_variables(environment):
        yield f"nothing reads {name}" + (f"; did you mean {meant}?" if meant else "")


def unknown_variables(environment: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """The variables of *environment* that have the prefix and no meaning, each with the nearest known one if any."""
    candidates = [name for name in environment if name.startswith(PREFIX) and not name.startswith(TESTS_PREFIX)]
    known = known_variables() if candidates else []
    for name in sorted(set(candidates).difference(known)):
        from pytest_plexdev.core.lookup import nearest

        # Without the prefix, which makes all of them alike.
        meant = nearest(name.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in known))
        yield name, PREFIX + meant if meant else None
