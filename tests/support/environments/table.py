"""The table of environments. Append rows to :data:`ENVIRONMENTS`; ``model.Environment`` describes the fields."""

from __future__ import annotations

from typing import Final

from tests.support.environments.model import Environment, Place, Refused
from tests.support.environments.places import PLACES
from tests.support.environments.refusals import REFUSALS
from tests.support.environments.users import USERS
from tests.support.environments.variables import VARIABLES

_SHADOWS: Final = ("token", "queue", "http", "signal", "uuid", "secrets", "calendar", "platform", "psycopg", "yaml")
"""Modules that our programs import, directly or not."""


def _a_file_for_a_cache(place: Place) -> None:
    (place.root / "file").write_text("", "utf-8")


ENVIRONMENTS: Final = (
    Environment(name="nothing-special"),
    Environment(name="locale-c", variables={"LANG": None, "LC_ALL": "C"}),
    Environment(
        name="cache-below-a-file",
        prepare=_a_file_for_a_cache,
        variables={"PLEXDEV_CACHE_DIR": "{place}/file/cache"},
        expected=Refused("cache-unwritable"),
    ),
    Environment(
        name="modules-of-the-project-s-root",
        files={f"{name}.py": "raise RuntimeError('of the project')\n" for name in _SHADOWS},
    ),
    *PLACES,
    *REFUSALS,
    *USERS,
    *VARIABLES,
)
