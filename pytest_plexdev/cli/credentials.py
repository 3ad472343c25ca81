"""Store who is signed in to a stack from the shell: one file per address, readable by this user only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_plexdev.core.private_files import check_private, make_private_directory, read_private, write_private
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.sign_in import NOT_SIGNED_IN

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo


class Credential(msgspec.Struct, frozen=True):
    domain_id: str
    token: str

    def __repr__(self) -> str:
        return f"Credential(domain_id={self.domain_id!r}, token='***')"


class _Kept(msgspec.Struct):
    stack: str
    current: str = ""
    by_domain: dict[str, Credential] = {}


class Credentials:
    """The credentials for one stack, by the Domain's slug; the last sign-in is the current one.

    Args:
        directory: The state directory.
        default: The Domain where one signs in who names none.
        info: The stack. The next one at the same address is another: what was kept for this one is forgotten then.
    """

    def __init__(self, directory: Path, info: StackInfo, *, default: str) -> None:
        self._default = default
        self._server = info.endpoints.api
        self._stack = f"{info.id} {info.started_at!r}"
        name = hashlib.sha256(self._server.encode()).hexdigest()[:16]
        self._file = directory / "credentials" / f"{name}.json"

    def remember(self, slug: str, credential: Credential) -> None:
        """Keep a credential and make it the current one.

        Raises:
            PlexdevError: ``untrusted-path``.
        """
        kept = self._read()
        kept.by_domain[slug] = credential
        kept.current = slug
        make_private_directory(self._file.parent)
        write_private(self._file, msgspec.json.encode(kept))

    def of(self, slug: str | None) -> Credential:
        """The credential for a Domain; by default the current one.

        Raises:
            PlexdevError: Nobody is signed in to it; ``untrusted-path``: others may have written what is kept.
        """
        kept = self._read()
        wanted = slug or kept.current or self._default
        if wanted not in kept.by_domain:
            raise PlexdevError(NOT_SIGNED_IN, domain=wanted, server=self._server)
        return kept.by_domain[wanted]

    def for_looking_at(self, slug: str | None) -> Credential:
        """The credential for a Domain, else the current one: an operator may see other Domains too.

        Raises:
            PlexdevError: Nobody is signed in to either.
        """
        return self.of(slug if slug in self._read().by_domain else None)

    def domain_id(self, slug: str | None) -> str | None:
        """The id of a Domain that somebody signed in to; of the current one by default."""
        kept = self._read()
        found = kept.by_domain.get(slug or kept.current)
        return found.domain_id if found else None

    def _read(self) -> _Kept:
        try:
            check_private(self._file.parent)
            kept = decode_as(read_private(self._file), _Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Kept(self._stack)
        return kept if kept.stack == self._stack else _Kept(self._stack)
