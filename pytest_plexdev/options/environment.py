"""List the environment variables that plexdev reads, and find misspelt ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pytest_plexdev.options.table import OPTIONS

PREFIX: Final = "PLEXDEV_"
DIRECTORIES: Final = ("PLEXDEV_CACHE_DIR", "PLEXDEV_STATE_DIR")
"""Directories of the cache and of the warm stacks (``core/paths.py``)."""
EXPORTED: Final = ("PLEXDEV_API_URL", "PLEXDEV_ISSUER", "PLEXDEV_DATABASE_URL", "PLEXDEV_NATS_URL")
"""Variables that ``plexdev env`` exports for other programs; plexdev does not read them."""
TESTS_PREFIX: Final = "PLEXDEV_TEST_"
"""Prefix of the variables that this project's own tests and benchmarks read."""


def known_variables() -> list[str]:
    """Return every variable with the prefix that is read or exported, without those of :data:`TESTS_PREFIX`."""
    options = (option.environment for option in OPTIONS if option.environment.startswith(PREFIX))
    return sorted({*options, *DIRECTORIES, *EXPORTED})


def unknown_variable_warnings(environment: Iterable[str]) -> Iterator[str]:
    """Yield a warning for each variable that has the prefix and is not read: most likely a misspelling."""
    for name, meant in unknown_variables(environment):
        yield f"nothing reads {name}" + (f"; did you mean {meant}?" if meant else "")


def unknown_variables(environment: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield each unread variable with the prefix, and the known variable of the most similar name or ``None``."""
    candidates = [name for name in environment if name.startswith(PREFIX) and not name.startswith(TESTS_PREFIX)]
    known = known_variables() if candidates else []
    for name in sorted(set(candidates).difference(known)):
        from pytest_plexdev.core.lookup import nearest

        # Compare without the prefix, which makes all names similar.
        meant = nearest(name.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in known))
        yield name, PREFIX + meant if meant else None
