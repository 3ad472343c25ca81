"""Start a control plane, and call it with clients that check every answer against the contract's document."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import msgspec
import pytest
from psycopg_pool import ConnectionPool

from pytest_plexdev.stack.embedded.dex_standin import IdpClient, IdpConfig, IdpUser
from pytest_plexdev.stack.embedded.processes.child import bind_to_parent
from tests.support.checkout import ROOT
from tests.support.contract import check_contract
from tests.support.servers import SpiceDBServer, find_real, leave_out

IDP = "pytest_plexdev.stack.embedded.dex_standin"
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Shared and empty, because no client uses TLS and loading certificate authorities takes 35 ms per client."""
UNKNOWN_ID = "00000000-0000-7000-8000-00000000dead"
SAMPLE_DISCOVERY_URL = "http://localhost:5556/dex/.well-known/openid-configuration"
"""A URL without a server, for which PLEXSPHERE_SAMPLE_CLIENT_SECRET is meant."""
ADMIN_ID = "08a8684b-db88-4b73-90a9-3cd1661f5466"
DOMAINS = {
    "acme-corp": "01985a00-0000-7000-8000-00000000ac01",
    "beta-llc": "01985a00-0000-7000-8000-00000000be01",
    "gamma-coop": "01985a00-0000-7000-8000-00000000ca01",
}


@dataclass(kw_only=True)
class Plane:
    """The API under test, with access to its database."""

    url: str
    issuer: str
    database_url: str
    rogue_port: int
    """The port for a test's own identity provider. The settings send PLEXSPHERE_ROGUE_CLIENT_SECRET there."""
    environment: dict[str, str] = field(repr=False)
    log: Path
    connections: ConnectionPool = field(repr=False)
    spicedb: SpiceDBServer | None = None
    """If ``None``, the schema is evaluated over Postgres."""

    def token(self, slug: str = "acme-corp") -> str:
        """Insert a new API token of a tenant's seeded admin into the database."""
        plaintext = f"psk_dev_{secrets.token_hex(32)}"
        self.sql(
            "INSERT INTO plexsphere.api_tokens (id, user_id, env_prefix, secret_hash, expires_at)"
            " SELECT %s, u.id, 'dev', %s, now() + interval '1 hour' FROM plexsphere.users u"
            " JOIN plexsphere.domains d ON d.id = u.domain_id"
            " WHERE d.slug = %s ORDER BY u.created_at, u.id LIMIT 1",
            uuid.uuid4(),
            hashlib.sha256(plaintext.encode()).digest(),
            slug,
        )
        return plaintext

    def client(self, slug: str | None = "acme-corp", **headers: str) -> httpx.Client:
        """A client as the seeded admin of a tenant; anonymous if *slug* is ``None``."""
        if slug is not None:
            headers["Authorization"] = f"Bearer {self.token(slug)}"
        hooks = {"response": [check_contract]}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, event_hooks=hooks, verify=_NO_TLS)

    def grant(self, user_id: str, relation: str, resource: str) -> None:
        """Grant a user *relation* to *resource* (``domain:…``), in the store that the plane reads."""
        if self.spicedb is not None:
            self.spicedb.touch(resource, relation, f"user:{user_id}")
            return
        object_type, _, object_id = resource.partition(":")
        self.sql(
            "INSERT INTO plexsphere.relation_tuples (object_type, object_id, relation, subject_type, subject_id)"
            " VALUES (%s, %s, %s, 'user', %s)",
            object_type,
            object_id,
            relation,
            user_id,
        )

    def sql(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        """Run one statement on the plane's database and return its rows."""
        with self.connections.connection() as connection:
            cursor = connection.execute(query, params)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def running_spicedb(directory: Path) -> Iterator[SpiceDBServer]:
    """Start a real SpiceDB, or skip the test if there is none."""
    program = find_real("spicedb")
    if program is None:
        leave_out("no spicedb on PATH, nor in $TESTBED_CACHE/bin: the plane is not tested with the real one")
    server = SpiceDBServer(program, directory)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def running_plane(
    postgres_server: str, directory: Path, *, spicedb: SpiceDBServer | None = None, **variables: str
) -> Iterator[Plane]:
    """Start the plane with additional environment variables. By default nothing listens at its backends' addresses."""
    if spicedb is not None:
        variables["PLEXSPHERE_SPICEDB_ENDPOINT"] = spicedb.endpoint
        variables["PLEXSPHERE_SPICEDB_PRESHARED_KEY"] = spicedb.preshared_key
    api, idp, rogue = open_listener(), open_listener(), _reserved_port()
    url, issuer = f"http://localhost:{api.getsockname()[1]}", f"http://localhost:{idp.getsockname()[1]}/dex"
    environment = {
        "PATH": os.environ["PATH"],
        "PLEXSPHERE_DATABASE_URL": postgres_server,
        "PLEXSPHERE_PUBLIC_URL": url,
        "PLEXSPHERE_CSRF_ALLOWED_ORIGINS": url,
        "PLEXSPHERE_CURSOR_KEY": "cursor-key-of-the-tests",
        "PLEXSPHERE_PSEUDONYM_KEY": "pseudonym-key-of-the-tests",
        "PLEXSPHERE_REACHABILITY_EVALUATOR": "true",
        "PLEXSPHERE_DEX_CLIENT_SECRET": "dex-client-secret",
        "PLEXSPHERE_DEX_DISCOVERY_URL": discovery_url(issuer),
        "PLEXSPHERE_SAMPLE_CLIENT_SECRET": "sample-client-secret",
        "PLEXSPHERE_SAMPLE_DISCOVERY_URL": SAMPLE_DISCOVERY_URL,
        "PLEXSPHERE_OBS_NATS_URL": "nats://127.0.0.1:1",
        "PLEXSPHERE_MIMIR_URL": "http://127.0.0.1:1",
        "PLEXSPHERE_LOKI_URL": "http://127.0.0.1:1",
        "PLEXSPHERE_ROGUE_CLIENT_SECRET": "rogue-client-secret",
        "PLEXSPHERE_ROGUE_DISCOVERY_URL": discovery_url(f"http://127.0.0.1:{rogue.getsockname()[1]}/idp"),
        **variables,
    }
    config = IdpConfig(
        issuer=issuer,
        clients=(
            IdpClient(id="plexsphere-test", secret="dex-client-secret", redirect_uris=(f"{url}/v1/auth/callback",)),
        ),
        users=tuple(
            IdpUser(
                email=email,
                password_hash=bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode(),
                username=email.partition("@")[0],
                user_id=user_id,
            )
            for email, user_id in (
                ("admin@example.com", ADMIN_ID),
                ("member@example.com", "5f0e7a52-3f0b-4ab8-9f38-0b6f0f3f7a11"),
            )
        ),
    )
    (directory / "idp.json").write_bytes(msgspec.json.encode(config))
    manifest = directory / "seed.yaml"
    manifest.write_text((ROOT / "deploy/local/seed/tenants.yaml").read_text().replace("${ISSUER}", issuer))
    with contextlib.ExitStack() as stack:
        stack.enter_context(rogue)
        port_file = directory / "signer.port"
        arguments = ["--listen", "127.0.0.1:0", "--port-file", str(port_file)]
        signer = stack.enter_context(run_server(directory, environment, "plexsphere_reference", "signer", *arguments))
        arguments = ["--listen", f"fd:{idp.fileno()}", "--config", str(directory / "idp.json")]
        stack.enter_context(run_server(directory, environment, IDP, *arguments, listener=idp))
        run_program(environment, "migrate", "up")
        run_program(environment, "bootstrap", "--manifest", str(manifest))
        while not port_file.exists():
            assert signer.poll() is None, _log(directory, "plexsphere_reference-signer")
        environment["PLEXSPHERE_SIGNER_ENDPOINT"] = f"127.0.0.1:{port_file.read_text().strip()}"
        arguments = ["--listen", f"fd:{api.fileno()}"]
        stack.enter_context(run_server(directory, environment, "plexsphere_reference", "api", *arguments, listener=api))
        log = directory / "plexsphere_reference-api.log"
        deadline = time.monotonic() + 20
        while (answer := _readiness(url)) != 200:
            if answer is None or time.monotonic() > deadline:
                pytest.fail(log.read_text(), pytrace=False)
        connections = stack.enter_context(
            # Checked on use, because a test may have restarted Postgres meanwhile.
            ConnectionPool(
                postgres_server,
                min_size=1,
                kwargs={"autocommit": True},
                check=ConnectionPool.check_connection,
                open=False,
            )
        )
        yield Plane(
            connections=connections,
            url=url,
            issuer=issuer,
            database_url=postgres_server,
            rogue_port=rogue.getsockname()[1],
            environment=environment,
            log=log,
            spicedb=spicedb,
        )


def _readiness(url: str) -> int | None:
    """The status of ``/readyz``; ``None`` if the server refuses connections."""
    try:
        return httpx.get(f"{url}/readyz", timeout=20, verify=_NO_TLS).status_code
    except httpx.TransportError:
        return None


def run_program(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the plane's programs to its end."""
    argv = [sys.executable, "-m", "plexsphere_reference", *arguments]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


@contextlib.contextmanager
def run_server(
    directory: Path,
    environment: dict[str, str],
    module: str,
    *arguments: str,
    listener: socket.socket | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    name = f"{module}-{arguments[0]}" if arguments[0].isalpha() else module
    with (directory / f"{name}.log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            cwd=ROOT,
            pass_fds=(listener.fileno(),) if listener else (),
            preexec_fn=bind_to_parent(signal.SIGKILL, None),
            stdout=log,
            stderr=log,
        )
    if listener is not None:
        listener.close()  # so that a program that ended refuses connections
    try:
        yield program
    finally:
        program.send_signal(signal.SIGTERM)
        program.wait(10)


def _log(directory: Path, name: str) -> str:
    return (directory / f"{name}.log").read_text()


def discovery_url(issuer: str) -> str:
    return f"{issuer}/.well-known/openid-configuration"


def _reserved_port() -> socket.socket:
    """Reserve a port. The socket does not listen, so that a server of this process can."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def open_listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.set_inheritable(True)
    return listener


def unique(prefix: str = "t") -> str:
    """A unique slug."""
    return f"{prefix}-{secrets.token_hex(6)}"


def ula() -> str:
    """A random /48 of unique local addresses."""
    hex_digits = secrets.token_hex(5)
    return str(ip_network(f"fd{hex_digits[:2]}:{hex_digits[2:6]}:{hex_digits[6:10]}::/48"))
