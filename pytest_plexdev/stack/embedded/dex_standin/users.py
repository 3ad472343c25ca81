"""The users of the stand-in: those of its configuration, and those that its API creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpUser


class ReadOnlyUserError(Exception):
    """The user is one of the configuration, which the API does not change."""


class Users:
    """Users by e-mail address, without regard to case. Threads may call it: each operation is atomic."""

    def __init__(self, configured: Iterable[IdpUser]) -> None:
        self._configured = {user.email.lower(): user for user in configured}
        self._created: dict[str, IdpUser] = {}

    def find(self, email: str) -> IdpUser | None:
        key = email.lower()
        return self._configured.get(key) or self._created.get(key)

    def create(self, user: IdpUser) -> bool:
        """Add a user; return false if there is one with this address.

        Raises:
            ReadOnlyUserError: The configuration has the address.
        """
        key = user.email.lower()
        if key in self._configured:
            raise ReadOnlyUserError
        return self._created.setdefault(key, user) is user

    def delete(self, email: str) -> bool:
        """Remove a user; return whether there was one.

        Raises:
            ReadOnlyUserError: The configuration has the address.
        """
        key = email.lower()
        if key in self._configured:
            raise ReadOnlyUserError
        return self._created.pop(key, None) is not None
