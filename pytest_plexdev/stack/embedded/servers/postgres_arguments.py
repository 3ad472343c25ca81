"""Command-line arguments of the Postgres server: fast settings for tests, and where it listens."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses

_SETTINGS: Final = (
    # Committed data survives the end of the server but not of the machine, which suffices for tests.
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "shared_buffers=64MB",
    "max_connections=100",
    # With the default a killed server leaves files in /dev/shm.
    "dynamic_shared_memory_type=mmap",
    "unix_socket_permissions=0700",
)


def server_arguments(data: Path, sites: ServerAddresses, *, tcp: str) -> list[str]:
    """Arguments of ``postgres``.

    Args:
        data: The data directory.
        tcp: The address for TCP connections; empty: the Unix socket only.
    """
    settings = (*_SETTINGS, f"listen_addresses={tcp}")
    places = ["-D", str(data), "-k", _socket_directories(sites.postgres_directory)]
    return [*places, "-p", str(sites.postgres.number), *(f"--{setting}" for setting in settings)]


def _socket_directories(directory: Path) -> str:
    # varlena.c, SplitDirectoriesString: a list; what is quoted is one entry, in which a quote is doubled.
    escaped = str(directory).replace('"', '""')
    return f'"{escaped}"'
