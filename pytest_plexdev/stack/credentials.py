"""The credentials of a stack's servers: random for a fresh stack, the runbook's for a warm one.

They reach programs by their environment and by files of mode 0600, never by a command line: every user reads those.
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
"""Of SCRAM. Slow hashing protects passwords that people choose, and would cost every connection 5 ms here."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The passwords and keys of one stack.

    Attributes:
        nats: The password of NATS; ``None``: it asks for none, as the runbook's.
        spicedb: The preshared key of SpiceDB.
    """

    database: str = field(repr=False)
    nats: str | None = field(repr=False)
    spicedb: str = field(repr=False)

    @classmethod
    def random(cls) -> Credentials:
        """Credentials that no other stack has; each is one word of ``A-Za-z0-9_-``."""
        return cls(
            database=secrets.token_urlsafe(_BYTES),
            nats=secrets.token_urlsafe(_BYTES),
            spicedb=secrets.token_urlsafe(_BYTES),
        )


RUNBOOK: Final = Credentials(database="plexsphere", nats=None, spicedb="test-key")
"""Those of the product's own dev stack, which people and tools know."""


def password_statement(role: str, password: str) -> str:
    """The statement that gives a role its password, as a SCRAM verifier: the server never sees the password itself.

    Args:
        role: An identifier that needs no quotes.
    """
    return f"ALTER ROLE {role} PASSWORD '{scram_verifier(password, secrets.token_bytes(16))}'"


def scram_verifier(password: str, salt: bytes) -> str:
    """What Postgres keeps of a password in ASCII (RFC 5803, with Postgres's separators)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
