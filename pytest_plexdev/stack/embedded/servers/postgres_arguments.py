"""Command-line arguments of the Postgres server: fast settings for tests, and its addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_plexdev.stack.embedded.addresses import ServerAddresses

_SETTINGS: Final = (
    # Committed data survives a crash of the server but not of the machine, which is enough for tests.
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "shared_buffers=64MB",
    "max_connections=100",
    # With the default, a killed server leaves files in /dev/shm.
    "dynamic_shared_memory_type=mmap",
    "unix_socket_permissions=0700",
)


def server_arguments(data: Path, addresses: ServerAddresses, *, tcp: str) -> list[str]:
    """Return the arguments of ``postgres``.

    Args:
        data: The data directory.
        tcp: The address for TCP connections; empty: Unix socket only.
    """
    settings = (*_SETTINGS, f"listen_addresses={tcp}")
    places = ["-D", str(data), "-k", _socket_directories(addresses.postgres_directory)]
    return [*places, "-p", str(addresses.postgres.number), *(f"--{setting}" for setting in settings)]


def _socket_directories(directory: Path) -> str:
    # It is a list (varlena.c, SplitDirectoriesString): quotes make it one entry, quotes inside are doubled.
    escaped = str(directory).replace('"', '""')
    return f'"{escaped}"'
