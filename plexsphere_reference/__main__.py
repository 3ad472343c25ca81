"""``python -m plexsphere_reference PROGRAM``: the programs of the control plane, each imported when chosen."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from plexsphere_reference.settings import Settings, SettingsError


def main(arguments: Sequence[str]) -> int:
    """Run one program and return its exit code; 2 for invalid arguments or variables."""
    options = _parser().parse_args(arguments)
    _forget_libpq_variables()
    try:
        if options.program == "seed-artifacts":  # the only program without a database
            from plexsphere_reference.artifacts.seed import main as seed_artifacts

            return seed_artifacts(os.environ)
        settings = Settings.read(os.environ)
    except SettingsError as error:
        print(f"plexsphere {options.program}: {error}", file=sys.stderr)
        return 2
    try:
        return _run(options, settings)
    except OSError as error:
        # For example a full disk or too many open files; a traceback does not help the user.
        print(f"plexsphere {options.program}: {error}", file=sys.stderr)
        return 1


def _forget_libpq_variables() -> None:
    # The URL is the complete configuration; PGSERVICE or PGOPTIONS from the environment would change it.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.program:
        case "api":
            from plexsphere_reference.http.server import main as serve_api

            return serve_api(settings, listen=options.listen)
        case "signer":
            from plexsphere_reference.signer.server import main as serve_signer

            return serve_signer(settings.database_url, options.listen, options.port_file, env=settings.env)
        case "migrate":
            from plexsphere_reference.migrate import main as migrate

            return migrate(settings)
        case "wait-for-migrate":
            from plexsphere_reference.wait_for_migrate import main as wait

            return wait(settings)
        case _:
            from plexsphere_reference.bootstrap import main as bootstrap

            return bootstrap(settings, manifest=options.manifest, profile=options.profile)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m plexsphere_reference", description=__doc__)
    programs = parser.add_subparsers(dest="program", required=True)
    api = programs.add_parser("api", help="serve /v1")
    api.add_argument("--listen", required=True, help="HOST:PORT, or fd:N for a socket that is bound already")
    signer = programs.add_parser("signer", help="serve the signing keys over gRPC")
    signer.add_argument("--listen", required=True, help="HOST:PORT, port 0 lets the kernel choose; or unix:///PATH")
    signer.add_argument("--port-file", type=Path, help="where to write the port once it is bound")
    migrate = programs.add_parser("migrate", help="bring the database to this program's schema")
    migrate.add_argument("direction", choices=["up"])
    programs.add_parser("wait-for-migrate", help="end once every migration that this program knows is applied")
    bootstrap = programs.add_parser("bootstrap", help="seed the tenants of a manifest")
    bootstrap.add_argument("--manifest", type=Path, required=True)
    bootstrap.add_argument(
        "--profile", choices=["lean", "full"], help="take the client_secret_refs of this profile of the stack"
    )
    programs.add_parser("seed-artifacts", help="make the S3 bucket and put the seeded plexd releases into it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
