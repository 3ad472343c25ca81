"""Command of the identity provider: the real Dex if it is installed, else the stand-in."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.people import CLIENT_ID, CLIENT_SECRET, PEOPLE
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.addresses import ServerAddresses
    from pytest_plexdev.stack.embedded.dex_standin import IdpConfig
    from pytest_plexdev.stack.embedded.layout import Layout
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings

STANDS_IN_FOR: Final = "Dex 2.41.1"

# Hashes of "password": Dex rejects costs below 10; the stand-in uses cost 4, which saves 60 ms per sign-in.
_PASSWORD_FOR_DEX: Final = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"  # noqa: S105 (the public password)
_PASSWORD_FOR_STAND_IN: Final = "$2b$04$Q3tiiafmsRGdmpCIRqHrMOqmiu1yHONZRQAAyxMBOJnli/oVzsfqm"  # noqa: S105 (the public password)

_USER_IDS: Final = ("08a8684b-db88-4b73-90a9-3cd1661f5466", "41331323-6f44-45e6-b3b9-2c4b60c02be5")
"""The ids of the people, in their order."""


@dataclass(frozen=True)
class Dex:
    """The real Dex on ``PATH``."""

    program: str
    version: str


def find_dex(settings: EmbeddedSettings) -> Dex | None:
    """Return the Dex to run, or ``None`` if the stand-in is used. Runs the program to verify that it is Dex."""
    program = shutil.which("dex") if settings.prefer == "real" else None
    if program is None:
        return None
    from pytest_plexdev.stack.embedded.dex_standin import is_dex

    version = is_dex(Path(program))
    return Dex(program, version) if version else None


def serve(dex: Dex | None, settings: EmbeddedSettings, layout: Layout, addresses: ServerAddresses) -> Command:
    return _serve_dex(dex, layout, addresses) if dex else _serve_stand_in(settings, layout, addresses)


def _serve_dex(dex: Dex, layout: Layout, addresses: ServerAddresses) -> Command:
    from pytest_plexdev.stack.embedded.dex_standin import write_dex_config

    file = layout.configuration / "dex.yaml"
    configuration = _configuration(addresses, password=_PASSWORD_FOR_DEX, key=None)
    write_dex_config(configuration, file, listen=f"localhost:{addresses.idp.number}")
    return Command(
        argv=[dex.program, "serve", str(file)],
        environment=program_environment(),
        log=layout.log("dex"),
        shutdown_signal=signal.SIGTERM,
    )


def _serve_stand_in(settings: EmbeddedSettings, layout: Layout, addresses: ServerAddresses) -> Command:
    file = layout.configuration / "dex.json"
    # All stacks of a user share a key, since generating one takes 50-200 ms. Other users cannot read it.
    key = settings.cache / f"idp-signing-key-{os.geteuid()}.pem"
    with contextlib.suppress(FileNotFoundError):
        # The stand-in checks it too, but its error would only be a line in a log.
        os.close(open_private(key, os.O_RDONLY))
    _configuration(addresses, password=_PASSWORD_FOR_STAND_IN, key=key).write(file)
    descriptor = addresses.idp.socket.fileno()
    return Command(
        argv=[*settings.programs.idp, "--listen", f"fd:{descriptor}", "--config", str(file)],
        environment=program_environment(),
        log=layout.log("dex"),
        inherit=[descriptor],
        shutdown_signal=signal.SIGTERM,
    )


def _configuration(addresses: ServerAddresses, *, password: str, key: Path | None) -> IdpConfig:
    from pytest_plexdev.stack.embedded.dex_standin import IdpClient, IdpConfig, IdpUser

    client = IdpClient(
        id=CLIENT_ID,
        name="plexsphere",
        secret=CLIENT_SECRET,
        redirect_uris=(f"{addresses.api_url}/v1/auth/callback",),
    )
    users = tuple(
        IdpUser(email=email, password_hash=password, username=email.partition("@")[0], user_id=user_id)
        for email, user_id in zip(PEOPLE, _USER_IDS, strict=True)
    )
    return IdpConfig(
        issuer=addresses.issuer, clients=(client,), users=users, signing_key=key, api_address=addresses.idp_api_endpoint
    )
