"""Who is signed in to a server from the shell: one file per server, readable by this user only."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from pytest_plexdev.errors import NOT_SIGNED_IN, PlexdevError
from pytest_plexdev.login import write_private


class Credential(msgspec.Struct, frozen=True):
    domain_id: str
    token: str

    def __repr__(self) -> str:
        return f"Credential(domain_id={self.domain_id!r}, token='***')"


class _Kept(msgspec.Struct):
    server: str
    current: str = ""
    by_domain: dict[str, Credential] = {}


class Credentials:
    """The credentials for one server, by the Domain's slug; the last sign-in is the current one.

    Args:
        directory: The state directory.
        server: Origin of the API.
    """

    def __init__(self, directory: Path, server: str) -> None:
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        self._file = directory / "credentials" / f"{name}.json"
        self._server = server

    def remember(self, slug: str, credential: Credential) -> None:
        """Keep a credential and make it the current one."""
        kept = self._read()
        kept.by_domain[slug] = credential
        kept.current = slug
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._file, msgspec.json.encode(kept))

    def of(self, slug: str | None) -> Credential:
        """The credential for a Domain, or the current one where that Domain has none.

        Raises:
            PlexdevError: Nobody is signed in.
        """
        kept = self._read()
        found = kept.by_domain.get(slug or kept.current) or kept.by_domain.get(kept.current)
        if found is None:
            raise PlexdevError(NOT_SIGNED_IN, server=self._server)
        return found

    def domain_id(self, slug: str | None) -> str | None:
        """The id of a Domain that somebody signed in to; of the current one by default."""
        kept = self._read()
        found = kept.by_domain.get(slug or kept.current)
        return found.domain_id if found else None

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Kept(server=self._server)
