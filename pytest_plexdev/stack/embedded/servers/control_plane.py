"""Commands and environment of the control plane's programs (see docs/reference/programs.md)."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.people import CLIENT_SECRET
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
SEED_ARTIFACTS: Final = "seed-artifacts"
"""Names of the services, as of the product's workloads."""

BUCKET: Final = "plexsphere"
"""The bucket of the control plane."""
_CURSOR_KEY: Final = "plexdev-cursor-key-not-a-secret"
_PSEUDONYM_KEY: Final = "plexdev-pseudonym-key-not-a-secret"
_ISSUER_PLACEHOLDER: Final = "${ISSUER}"


def variables(addresses: ServerAddresses) -> dict[str, str]:
    """Return the environment, which is the same for all of them."""
    spicedb = (
        {
            "PLEXSPHERE_SPICEDB_ENDPOINT": addresses.spicedb_endpoint,
            "PLEXSPHERE_SPICEDB_PRESHARED_KEY": addresses.credentials.spicedb,
        }
        if addresses.spicedb_endpoint
        else {}
    )
    return {
        **program_environment(),
        "PLEXSPHERE_ENV": "dev",
        "PLEXSPHERE_DATABASE_URL": addresses.local_database_url,
        "PLEXSPHERE_PUBLIC_URL": addresses.api_url,
        "PLEXSPHERE_CSRF_ALLOWED_ORIGINS": addresses.api_url,
        "PLEXSPHERE_CURSOR_KEY": _CURSOR_KEY,
        "PLEXSPHERE_PSEUDONYM_KEY": _PSEUDONYM_KEY,
        "PLEXSPHERE_NATS_URL": addresses.nats_url,
        "PLEXSPHERE_SIGNER_ENDPOINT": addresses.signer_endpoint,
        "PLEXSPHERE_REACHABILITY_EVALUATOR": "true",
        "PLEXSPHERE_DEX_CLIENT_SECRET": CLIENT_SECRET,
        "PLEXSPHERE_DEX_DISCOVERY_URL": f"{addresses.issuer}/.well-known/openid-configuration",
        **spicedb,
        **_further_variables(addresses),
    }


def _further_variables(addresses: ServerAddresses) -> dict[str, str]:
    """The variables of the servers that the profile ``full`` adds. The control plane's surfaces follow from them."""
    urls, credentials = addresses.further_urls, addresses.credentials
    by_server = {
        "openbao": {
            "PLEXSPHERE_OPENBAO_URL": urls.get("openbao", ""),
            "PLEXSPHERE_OPENBAO_TOKEN": credentials.openbao,
            # On a cluster External Secrets syncs it from OpenBao.
            "PLEXSPHERE_BETA_CLIENT_SECRET": CLIENT_SECRET,
            "PLEXSPHERE_BETA_DISCOVERY_URL": f"{addresses.issuer}/.well-known/openid-configuration",
        },
        "seaweedfs": {
            "PLEXSPHERE_S3_URL": urls.get("seaweedfs", ""),
            "PLEXSPHERE_S3_ACCESS_KEY": credentials.s3_access_key,
            "PLEXSPHERE_S3_SECRET_KEY": credentials.s3_secret_key,
            "PLEXSPHERE_S3_BUCKET": BUCKET,
        },
        "mimir": {"PLEXSPHERE_OBS_NATS_URL": addresses.nats_url, "PLEXSPHERE_MIMIR_URL": urls.get("mimir", "")},
        "loki": {"PLEXSPHERE_OBS_NATS_URL": addresses.nats_url, "PLEXSPHERE_LOKI_URL": urls.get("loki", "")},
    }
    return {name: value for server in urls for name, value in by_server[server].items()}


def api(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    """Return the command of the API, which inherits its listening socket. It can start first: it waits for Postgres."""
    descriptor = addresses.api.socket.fileno()
    return Command(
        argv=[*programs.api, "--listen", f"fd:{descriptor}"],
        environment=variables(addresses),
        log=layout.log(API),
        inherit=[descriptor],
        shutdown_signal=signal.SIGTERM,
    )


def signer(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    make_private_directory(addresses.signer_socket.parent)
    addresses.signer_socket.unlink(missing_ok=True)  # of a signer that was killed
    return Command(
        argv=[*programs.signer, "--listen", addresses.signer_endpoint],
        environment=variables(addresses),
        log=layout.log(SIGNER),
        shutdown_signal=signal.SIGTERM,
    )


def migrate(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    return Command(
        argv=[*programs.migrate, "up"],
        environment=variables(addresses),
        log=layout.log("migrate"),
        stop_signal=signal.SIGTERM,
    )


def bootstrap(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    return Command(
        argv=bootstrap_arguments(programs, manifest_file(layout.directory), has_openbao="openbao" in addresses.further),
        environment=variables(addresses),
        log=layout.log(BOOTSTRAP),
        stop_signal=signal.SIGTERM,
    )


def seed_artifacts(programs: Programs, layout: Layout, addresses: ServerAddresses) -> Command:
    """Return the command that puts the seeded plexd releases into SeaweedFS; it waits for SeaweedFS."""
    return Command(
        argv=programs.seed_artifacts,
        environment=variables(addresses),
        log=layout.log(SEED_ARTIFACTS),
        stop_signal=signal.SIGTERM,
    )


def bootstrap_arguments(programs: Programs, manifest: Path, *, has_openbao: bool) -> list[str]:
    """Return the command of the bootstrap; where OpenBao has the client secrets, with the references to it."""
    return [*programs.bootstrap, "--manifest", str(manifest), *(["--profile", "full"] if has_openbao else [])]


def manifest_file(directory: Path) -> Path:
    return directory / CONFIGURATION / "manifest.yaml"


def render_manifest(layout: Layout, addresses: ServerAddresses, *, seed: Path | None = None) -> None:
    """Write the seed manifest with this stack's issuer, whose port is chosen at the start, and a copy for a reset.

    Args:
        seed: ``None``: the default manifest.
    """
    text = rendered_manifest(addresses.issuer, seed)
    for file in (manifest_file(layout.directory), _first_manifest(layout)):
        file.write_text(text, encoding="utf-8")


def restore_manifest(layout: Layout) -> None:
    """Bring back the seed manifest of the bring-up. A run may have replaced it, and its source may have changed."""
    text = _first_manifest(layout).read_text(encoding="utf-8")
    manifest_file(layout.directory).write_text(text, encoding="utf-8")


def _first_manifest(layout: Layout) -> Path:
    return layout.configuration / "manifest-of-up.yaml"


def rendered_manifest(issuer: str, seed: Path | None) -> str:
    """Return the seed manifest with its issuer filled in.

    Args:
        seed: ``None``: the default manifest.
    """
    text = (seed or seed_file()).read_text(encoding="utf-8")
    return text.replace(_ISSUER_PLACEHOLDER, issuer)


def migrations() -> Path:
    return _package() / "migrations"


def _package() -> Path:
    # Located without importing: the harness uses the control plane's API and never its code.
    spec = importlib.util.find_spec("plexsphere_reference")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("plexsphere_reference")
    return Path(spec.submodule_search_locations[0])
