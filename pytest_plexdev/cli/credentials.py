"""Store the credentials of sign-ins from the shell: one file per stack address, readable by this user only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.private_files import check_private, make_private_directory, read_private, write_private
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.sign_in import NOT_SIGNED_IN

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The access token of one user in one Domain.

    Attributes:
        user: The user's email address, else the subject.
        expires_at: Unix time, seconds.
    """

    domain_id: str
    user: str
    expires_at: float
    token: str

    def __repr__(self) -> str:
        return f"Credential(domain_id={self.domain_id!r}, user={self.user!r}, token='***')"


class _Document(msgspec.Struct):
    stack: str
    current: str = ""
    by_domain: dict[str, list[Credential]] = {}
    """One of each user, the last sign-in first."""


class Credentials:
    """The credentials for one stack by the Domain's slug. The last sign-in is the current one.

    Args:
        directory: The state directory.
        info: The stack. Credentials of an earlier stack at the same address are ignored.
        default: The Domain to use without a current sign-in.
    """

    def __init__(self, directory: Path, info: StackInfo, *, default: str) -> None:
        self._default = default
        self._server = info.endpoints.api
        self._stack = f"{info.id} {info.started_at!r}"
        name = hashlib.sha256(self._server.encode()).hexdigest()[:16]
        self._file = directory / "credentials" / f"{name}.json"

    def save(self, slug: str, credential: Credential) -> None:
        """Save a credential and make it the current one.

        Raises:
            PlexdevError: ``untrusted-path``.
        """
        document = self._read()
        others = [each for each in document.by_domain.get(slug, ()) if each.user != credential.user]
        document.by_domain[slug] = [credential, *others]
        document.current = slug
        make_private_directory(self._file.parent)
        write_private(self._file, msgspec.json.encode(document))

    def of(self, slug: str | None, user: str | None = None) -> Credential:
        """Return the credential for a Domain, by default the current one.

        Args:
            user: Of this user; by default of the last one who signed in to the Domain.

        Raises:
            PlexdevError: ``not-signed-in``, also after the credential has expired; ``untrusted-path``: other users can
                write the file.
        """
        document = self._read()
        domain = slug or document.current or self._default
        for each in document.by_domain.get(domain, ()):
            if user in (None, each.user) and each.expires_at > unix_time():
                return each
        who, option = ("no user is", "") if user is None else (f"{user} is not", f" --user {user}")
        raise PlexdevError(NOT_SIGNED_IN, who=who, domain=domain, server=self._server, option=option)

    def for_reading(self, slug: str | None, user: str | None = None) -> Credential:
        """Return the credential for a Domain, else the current one, because an operator can read other Domains.

        Raises:
            PlexdevError: ``not-signed-in``, ``untrusted-path``.
        """
        return self.of(slug if slug in self._read().by_domain else None, user)

    def domain_id(self, slug: str | None) -> str | None:
        """Return the id of a Domain with a credential, by default of the current one; else ``None``."""
        document = self._read()
        return next((each.domain_id for each in document.by_domain.get(slug or document.current, ())), None)

    def _read(self) -> _Document:
        try:
            check_private(self._file.parent)
            document = decode_as(read_private(self._file), _Document)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Document(self._stack)
        return document if document.stack == self._stack else _Document(self._stack)
