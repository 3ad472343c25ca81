"""The credentials of a stack's servers: random for a fresh stack, the runbook's for a warm one.

Programs get them through the environment and files of mode 0600, never on a command line, which every user can read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

_BYTES: Final = 24
_ITERATIONS: Final = 1
"""SCRAM iterations. Slow hashing protects weak passwords; these are random, and it would cost 5 ms per connection."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The passwords and keys of one stack.

    Attributes:
        database: The password of the Postgres role.
        nats: The password of NATS; ``None`` if NATS requires none, as in the runbook.
        spicedb: The preshared key of SpiceDB.
        openbao: The root token of OpenBao.
        s3_access_key: The access key of SeaweedFS's only S3 identity.
        s3_secret_key: Its secret key.
    """

    database: str = field(repr=False)
    nats: str | None = field(repr=False)
    spicedb: str = field(repr=False)
    openbao: str = field(repr=False)
    s3_access_key: str = field(repr=False)
    s3_secret_key: str = field(repr=False)

    @classmethod
    def random(cls) -> Credentials:
        """Generate credentials of 24 random bytes each, written in ``A-Za-z0-9_-``."""
        database, nats, spicedb, openbao, access_key, secret_key = (secrets.token_urlsafe(_BYTES) for _ in range(6))
        return cls(
            database=database,
            nats=nats,
            spicedb=spicedb,
            openbao=openbao,
            s3_access_key=access_key,
            s3_secret_key=secret_key,
        )


RUNBOOK: Final = Credentials(
    database="plexsphere",
    nats=None,
    spicedb="test-key",
    openbao="plexsphere",
    s3_access_key="plexsphere",
    s3_secret_key="plexsphere-dev",  # noqa: S106 # nosec B106 # public: of a stack on one machine
)
"""The credentials of the product's own dev stack, and for OpenBao and SeaweedFS ours; they are public."""


def password_statement(role: str, password: str) -> str:
    """The SQL statement that sets a role's password as a SCRAM verifier, so that no server log can have the password.

    Args:
        role: An identifier that needs no quotes.
    """
    return f"ALTER ROLE {role} PASSWORD '{scram_verifier(password, secrets.token_bytes(16))}'"


def scram_verifier(password: str, salt: bytes) -> str:
    """The verifier that Postgres stores for an ASCII password (RFC 5803, with Postgres's separators)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
