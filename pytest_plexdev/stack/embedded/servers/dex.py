"""The identity provider of the stack: the real Dex where it is installed, else our stand-in for it."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.stack.embedded.processes.child import Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.control_plane import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.addresses import ServerAddresses
    from pytest_plexdev.stack.embedded.dex_standin import IdpConfig
    from pytest_plexdev.stack.embedded.layout import Layout
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings

STANDS_IN_FOR: Final = "Dex 2.41.1"

# "password" twice: Dex refuses a cost below 10, and a test's sign-in need not wait for 60 ms of hashing.
_PASSWORD_FOR_DEX: Final = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"  # noqa: S105 (the public password)
_PASSWORD_FOR_STAND_IN: Final = "$2b$04$Q3tiiafmsRGdmpCIRqHrMOqmiu1yHONZRQAAyxMBOJnli/oVzsfqm"  # noqa: S105 (the public password)

_ADMIN_ID: Final = "08a8684b-db88-4b73-90a9-3cd1661f5466"
_MEMBER_ID: Final = "41331323-6f44-45e6-b3b9-2c4b60c02be5"


@dataclass(frozen=True)
class Dex:
    """A Dex that was found on ``PATH``."""

    program: str
    version: str


def find_dex(settings: EmbeddedSettings) -> Dex | None:
    """The Dex to run; ``None`` where the stand-in does. A program of that name is asked whether it is one."""
    program = shutil.which("dex") if settings.prefer == "real" else None
    if program is None:
        return None
    from pytest_plexdev.stack.embedded.dex_standin import is_dex

    version = is_dex(Path(program))
    return Dex(program, version) if version else None


def serve(dex: Dex | None, settings: EmbeddedSettings, layout: Layout, sites: ServerAddresses) -> Command:
    return _serve_dex(dex, layout, sites) if dex else _serve_stand_in(settings, layout, sites)


def _serve_dex(dex: Dex, layout: Layout, sites: ServerAddresses) -> Command:
    from pytest_plexdev.stack.embedded.dex_standin import write_dex_config

    file = layout.configuration / "dex.yaml"
    write_dex_config(_configuration(sites, password=_PASSWORD_FOR_DEX, key=None), file)
    return Command(argv=[dex.program, "serve", str(file)], environment=program_environment(), log=layout.log("dex"))


def _serve_stand_in(settings: EmbeddedSettings, layout: Layout, sites: ServerAddresses) -> Command:
    file = layout.configuration / "dex.json"
    # Making a key costs 50-200 ms; one of this user's stacks is as good as another's. A user cannot read another's.
    key = settings.cache / f"idp-signing-key-{os.geteuid()}.pem"
    with contextlib.suppress(FileNotFoundError):
        # The program would refuse it too, but its error would be a line of a log.
        os.close(open_private(key, os.O_RDONLY))
    _configuration(sites, password=_PASSWORD_FOR_STAND_IN, key=key).write(file)
    descriptor = sites.idp.socket.fileno()
    return Command(
        argv=[*settings.programs.idp, "--listen", f"fd:{descriptor}", "--config", str(file)],
        environment=program_environment(),
        log=layout.log("dex"),
        inherit=[descriptor],
    )


def _configuration(sites: ServerAddresses, *, password: str, key: Path | None) -> IdpConfig:
    from pytest_plexdev.stack.embedded.dex_standin import IdpClient, IdpConfig, IdpUser

    client = IdpClient(
        id=CLIENT_ID,
        name="plexsphere",
        secret=CLIENT_SECRET,
        redirect_uris=(f"{sites.api_url}/v1/auth/callback",),
    )
    users = (
        IdpUser(email="admin@example.com", password_hash=password, username="admin", user_id=_ADMIN_ID),
        IdpUser(email="member@example.com", password_hash=password, username="member", user_id=_MEMBER_ID),
    )
    return IdpConfig(issuer=sites.issuer, clients=(client,), users=users, signing_key=key)
