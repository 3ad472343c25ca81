"""The addresses of all services, decided before anything starts, so that all can start at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pytest_plexdev.core.ports import HeldPort, require_loopback, reserve
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.embedded.settings import WARM_ID, EmbeddedSettings

DATABASE: Final = "plexsphere"
"""Name of the database and of its role, and the user of NATS: the product's dev stack has the same."""


@dataclass(frozen=True)
class ServerAddresses:
    """The ports. ``api`` listens already; the others are held, most for programs that bind by themselves.

    Attributes:
        scratch: The stack's own directory, where nobody else writes.
        postgres_directory: Of Postgres's socket.
    """

    api: HeldPort
    idp: HeldPort
    postgres: HeldPort
    nats: HeldPort
    spicedb: HeldPort | None
    credentials: Credentials
    scratch: Path
    postgres_directory: Path

    @classmethod
    def take(
        cls, settings: EmbeddedSettings, *, spicedb: bool, scratch: Path, postgres_directory: Path
    ) -> ServerAddresses:
        """Bind them all, and choose the credentials.

        Args:
            spicedb: Whether a SpiceDB is going to run.

        Raises:
            PlexdevError: ``port-taken``, ``loopback-down``.
        """
        require_loopback()
        api = reserve(settings.api_port, purpose="the API")
        api.listen()
        return cls(
            api=api,
            idp=reserve(settings.idp_port, purpose="the identity provider"),
            postgres=reserve(purpose="Postgres"),
            nats=reserve(purpose="NATS"),
            spicedb=reserve(purpose="SpiceDB") if spicedb else None,
            credentials=RUNBOOK if settings.id == WARM_ID else Credentials.random(),
            scratch=scratch,
            postgres_directory=postgres_directory,
        )

    def with_postgres_in(self, directory: Path) -> ServerAddresses:
        """The same, but for a Postgres whose socket is there: one that only those hear of who are told."""
        return replace(self, postgres_directory=directory)

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.api.number}"

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.idp.number}/dex"

    @property
    def nats_url(self) -> str:
        password = self.credentials.nats
        who = f"{DATABASE}:{password}@" if password is not None else ""
        return f"nats://{who}127.0.0.1:{self.nats.number}"

    @property
    def signer_endpoint(self) -> str:
        """For gRPC: the signer asks nobody who they are, so it listens where only this user comes."""
        return f"unix://{quote(bytes(self.signer_socket), safe='/')}"

    @property
    def signer_socket(self) -> Path:
        return self.scratch / "signer" / "socket"

    @property
    def spicedb_endpoint(self) -> str | None:
        return f"127.0.0.1:{self.spicedb.number}" if self.spicedb else None

    @property
    def database_url(self) -> str:
        """For tests and tools: over TCP, which every driver and every person knows how to use."""
        return f"postgresql://{DATABASE}:{self.credentials.database}@127.0.0.1:{self.postgres.number}/{DATABASE}"

    @property
    def postgres_socket(self) -> Path:
        return self.postgres_directory / f".s.PGSQL.{self.postgres.number}"

    @property
    def local_database_url(self) -> str:
        """For the stack's own programs: over the Unix socket, which nobody else can reach, without a password."""
        host = quote(bytes(self.postgres_directory), safe="")
        return f"postgresql://{DATABASE}@/{DATABASE}?host={host}&port={self.postgres.number}"
