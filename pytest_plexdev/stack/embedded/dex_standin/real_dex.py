"""Detect the real Dex and write its configuration file."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_plexdev.core.program_log import log_start

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig, IdpUser

_VERSION_LINE = re.compile(r"^Dex Version: v?(\S+)$", re.MULTILINE)
_MIN_COST, _MAX_COST = 10, 16


def is_dex(path: Path) -> str | None:
    """Return the version of the Dex at *path*, for example ``2.41.1``, or ``None`` if it is another program.

    The program is run, because its name is not enough: Debian's ``dex`` starts desktop entries.
    """
    argv = [str(path), "version"]
    log_start(argv)
    try:
        result = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION_LINE.search(result.stdout)
    return found[1] if found else None


def write_dex_config(config: IdpConfig, path: Path, *, listen: str | None = None) -> None:
    """Write *config* as the configuration file of ``dex serve PATH``, readable by its owner only.

    Args:
        listen: The ``HOST:PORT`` that Dex binds; by default the issuer's.

    Raises:
        ValueError: Dex rejects the bcrypt cost of a password.
    """
    import yaml  # lazy: the stand-in, which imports this package, does not need it

    for user in config.users:
        _check_cost(user)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(_document(config, listen), sort_keys=False), encoding="utf-8")


def _check_cost(user: IdpUser) -> None:
    cost = int(user.password_hash.split("$")[2])
    if not _MIN_COST <= cost <= _MAX_COST:
        raise ValueError(f"{user.email}: Dex accepts bcrypt costs {_MIN_COST} to {_MAX_COST}, the hash has {cost}")


def _document(config: IdpConfig, listen: str | None) -> dict[str, Any]:
    return {
        "issuer": config.issuer,
        "storage": {"type": "memory"},
        "web": {"http": listen or urlsplit(config.issuer).netloc},
        **({"grpc": {"addr": config.api_address}} if config.api_address else {}),
        "oauth2": {"skipApprovalScreen": config.skip_approval_screen},
        "expiry": {
            "idTokens": f"{config.id_token_lifetime}s",
            "authRequests": f"{config.auth_request_lifetime}s",
        },
        "staticClients": [
            {
                "id": client.id,
                "name": client.display_name,
                "secret": client.secret,
                "redirectURIs": list(client.redirect_uris),
            }
            for client in config.clients
        ],
        "enablePasswordDB": True,
        "staticPasswords": [
            {
                "email": user.email,
                "hash": user.password_hash,
                "username": user.username,
                "userID": user.user_id,
            }
            for user in config.users
        ],
    }
