"""Reserve the addresses of all services before any of them starts, so that all can start concurrently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pytest_plexdev.core.port_reservation import HeldPort, require_loopback, reserve
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.embedded.settings import WARM_ID, EmbeddedSettings

DATABASE: Final = "plexsphere"
"""Name of the database, of its role and of the NATS user, as in the product's dev stack."""


@dataclass(frozen=True)
class ServerAddresses:
    """The reserved ports and directories of one stack.

    ``api`` already listens. The other ports are reserved only; most servers bind theirs themselves.

    Attributes:
        further: The ports of the servers that the profile ``full`` adds, by name; the first one is its address.
        scratch: The stack's scratch directory; no other user can write there.
        postgres_directory: Directory of Postgres's Unix socket.
        public_api_port: The port in the API's URL, if clients reach it by another port than its own.
        public_idp_port: The same for the identity provider.
        signer_socket_name: The name of the signer's Unix socket.
    """

    api: HeldPort
    idp: HeldPort
    idp_api: HeldPort
    postgres: HeldPort
    nats: HeldPort
    spicedb: HeldPort | None
    credentials: Credentials
    scratch: Path
    postgres_directory: Path
    further: Mapping[str, tuple[HeldPort, ...]] = field(default_factory=dict)
    public_api_port: int | None = None
    public_idp_port: int | None = None
    signer_socket_name: str = "socket"

    @classmethod
    def allocate(
        cls,
        settings: EmbeddedSettings,
        *,
        spicedb: bool,
        scratch: Path,
        postgres_directory: Path,
        further: Mapping[str, int] | None = None,
    ) -> ServerAddresses:
        """Reserve all ports and choose the credentials.

        Args:
            spicedb: Whether the stack runs SpiceDB.
            further: How many ports each server that the profile ``full`` adds needs.

        Raises:
            PlexdevError: ``port-taken``, ``loopback-down``.
        """
        require_loopback()
        api = reserve(settings.api_port, purpose="the API")
        api.listen()
        return cls(
            api=api,
            idp=reserve(settings.idp_port, purpose="the identity provider"),
            idp_api=reserve(purpose="the identity provider's gRPC API"),
            postgres=reserve(purpose="Postgres"),
            nats=reserve(purpose="NATS"),
            spicedb=reserve(purpose="SpiceDB") if spicedb else None,
            credentials=RUNBOOK if settings.id == WARM_ID else Credentials.random(),
            scratch=scratch,
            postgres_directory=postgres_directory,
            further={
                name: tuple(reserve(purpose=name) for _ in range(ports)) for name, ports in (further or {}).items()
            },
        )

    def with_postgres_in(self, directory: Path) -> ServerAddresses:
        """Return a copy whose Postgres socket is in *directory*, where the stack's other servers do not connect."""
        return replace(self, postgres_directory=directory)

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.public_api_port or self.api.number}"

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.public_idp_port or self.idp.number}/dex"

    @property
    def idp_api_endpoint(self) -> str:
        """The gRPC target. It does not authenticate its clients: it creates users whose password is public anyway."""
        return f"127.0.0.1:{self.idp_api.number}"

    @property
    def nats_url(self) -> str:
        password = self.credentials.nats
        userinfo = f"{DATABASE}:{password}@" if password is not None else ""
        return f"nats://{userinfo}127.0.0.1:{self.nats.number}"

    @property
    def signer_endpoint(self) -> str:
        """The gRPC target. The signer does not authenticate its clients, so its socket is private to this user."""
        return f"unix://{quote(bytes(self.signer_socket), safe='/')}"

    @property
    def signer_socket(self) -> Path:
        return self.scratch / "signer" / self.signer_socket_name

    @property
    def spicedb_endpoint(self) -> str | None:
        return f"127.0.0.1:{self.spicedb.number}" if self.spicedb else None

    @property
    def further_urls(self) -> Mapping[str, str]:
        """The URLs of the servers that the profile ``full`` adds."""
        return {name: f"http://127.0.0.1:{held[0].number}" for name, held in self.further.items()}

    @property
    def further_credentials(self) -> Mapping[str, ServiceCredentials]:
        """What the clients of these servers authenticate with."""
        own = self.credentials
        by_server = {
            "openbao": ServiceCredentials(secret=own.openbao),
            "seaweedfs": ServiceCredentials(user=own.s3_access_key, secret=own.s3_secret_key),
        }
        return {name: each for name, each in by_server.items() if name in self.further}

    @property
    def database_url(self) -> str:
        """The URL for tests and tools: over TCP, which every driver supports."""
        return f"postgresql://{DATABASE}:{self.credentials.database}@127.0.0.1:{self.postgres.number}/{DATABASE}"

    @property
    def postgres_socket(self) -> Path:
        return self.postgres_directory / f".s.PGSQL.{self.postgres.number}"

    @property
    def local_database_url(self) -> str:
        """The URL for the stack's own programs: over the Unix socket, which is private and needs no password."""
        host = quote(bytes(self.postgres_directory), safe="")
        return f"postgresql://{DATABASE}@/{DATABASE}?host={host}&port={self.postgres.number}"
