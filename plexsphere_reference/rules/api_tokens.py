"""API tokens: ``psk_<env>_<base32 of the id>_<52 base32 characters>``. A client uses the id to revoke its token."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

EnvPrefix: TypeAlias = Literal["dev", "stage", "prod"]

DEFAULT_LIFETIME: Final = timedelta(days=90)
ROTATION_GRACE: Final = timedelta(hours=24)
"""How long the previous value remains valid after a rotation, unless the token expires earlier."""
_SECRET_BYTES: Final = 32


def new_plaintext(env_prefix: EnvPrefix, token_id: UUID) -> str:
    return f"psk_{env_prefix}_{_base32(token_id.bytes)}_{_base32(secrets.token_bytes(_SECRET_BYTES))}"


def env_prefix_of(env: str) -> EnvPrefix:
    """Return the ``<env>`` segment of tokens that the control plane issues in the deployment ``env``."""
    return "prod" if env == "prod" else "stage" if env == "stage" else "dev"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).rstrip(b"=").decode().lower()
