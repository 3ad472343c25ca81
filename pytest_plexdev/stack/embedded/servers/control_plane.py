"""The control plane's programs: their variables and command lines (docs/reference/programs.md has both)."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.removal import CONFIGURATION
from pytest_plexdev.stack.embedded.settings import Programs

API: Final = "plexsphere"
SIGNER: Final = "plexsphere-signer"
BOOTSTRAP: Final = "plexsphere-bootstrap"
"""The services' names, those of the product's own workloads."""

CLIENT_ID: Final = "plexsphere-test"
CLIENT_SECRET: Final = "plexsphere-test-secret"  # noqa: S105 (of a stack that lives on this machine only)
_CURSOR_KEY: Final = "plexdev-cursor-key-not-a-secret"
_PSEUDONYM_KEY: Final = "plexdev-pseudonym-key-not-a-secret"
_ISSUER_PLACEHOLDER: Final = "${ISSUER}"


def variables(sites: ServerAddresses) -> dict[str, str]:
    """The environment of each of them."""
    spicedb = (
        {
            "PLEXSPHERE_SPICEDB_ENDPOINT": sites.spicedb_endpoint,
            "PLEXSPHERE_SPICEDB_PRESHARED_KEY": sites.credentials.spicedb,
        }
        if sites.spicedb_endpoint
        else {}
    )
    return {
        **program_environment(),
        "PLEXSPHERE_ENV": "dev",
        "PLEXSPHERE_DATABASE_URL": sites.local_database_url,
        "PLEXSPHERE_PUBLIC_URL": sites.api_url,
        "PLEXSPHERE_CSRF_ALLOWED_ORIGINS": sites.api_url,
        "PLEXSPHERE_CURSOR_KEY": _CURSOR_KEY,
        "PLEXSPHERE_PSEUDONYM_KEY": _PSEUDONYM_KEY,
        "PLEXSPHERE_NATS_URL": sites.nats_url,
        "PLEXSPHERE_SIGNER_ENDPOINT": sites.signer_endpoint,
        "PLEXSPHERE_REACHABILITY_EVALUATOR": "true",
        "PLEXSPHERE_DEX_CLIENT_SECRET": CLIENT_SECRET,
        "PLEXSPHERE_DEX_DISCOVERY_URL": f"{sites.issuer}/.well-known/openid-configuration",
        **spicedb,
    }


def api(programs: Programs, layout: Layout, sites: ServerAddresses) -> Command:
    """The API, on the socket that is bound already. It waits for Postgres by itself, so it starts first."""
    descriptor = sites.api.socket.fileno()
    return Command(
        argv=[*programs.api, "--listen", f"fd:{descriptor}"],
        environment=variables(sites),
        log=layout.log(API),
        inherit=[descriptor],
    )


def signer(programs: Programs, layout: Layout, sites: ServerAddresses) -> Command:
    make_private_directory(sites.signer_socket.parent)
    return Command(
        argv=[*programs.signer, "--listen", sites.signer_endpoint],
        environment=variables(sites),
        log=layout.log(SIGNER),
    )


def migrate(programs: Programs, layout: Layout, sites: ServerAddresses) -> Command:
    return Command(
        argv=[*programs.migrate, "up"],
        environment=variables(sites),
        log=layout.log("migrate"),
        stop_signal=signal.SIGTERM,
    )


def bootstrap(programs: Programs, layout: Layout, sites: ServerAddresses) -> Command:
    return Command(
        argv=[*programs.bootstrap, "--manifest", str(manifest_file(layout.directory))],
        environment=variables(sites),
        log=layout.log(BOOTSTRAP),
        stop_signal=signal.SIGTERM,
    )


def manifest_file(directory: Path) -> Path:
    return directory / CONFIGURATION / "manifest.yaml"


def render_manifest(layout: Layout, sites: ServerAddresses, *, seed: Path | None = None) -> None:
    """Write the seed manifest, ours by default, with this stack's issuer: no file can know its port beforehand."""
    manifest_file(layout.directory).write_text(rendered_manifest(sites.issuer, seed), encoding="utf-8")


def rendered_manifest(issuer: str, seed: Path | None) -> str:
    """The seed manifest, ours by default, with an issuer put in."""
    text = (seed or seed_file()).read_text(encoding="utf-8")
    return text.replace(_ISSUER_PLACEHOLDER, issuer)


def migrations() -> Path:
    return _package() / "migrations"


def _package() -> Path:
    # Found, not imported: the harness speaks with the plane and never runs its code.
    spec = importlib.util.find_spec("plexsphere_reference")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("plexsphere_reference")
    return Path(spec.submodule_search_locations[0])
