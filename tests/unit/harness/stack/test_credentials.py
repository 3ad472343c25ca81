"""Credentials are unique, in no repr, and Postgres verifies the password without ever seeing it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import asdict

import pytest

from pytest_plexdev.stack import credentials
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials, password_statement, scram_verifier

# RFC 7677, section 3: a whole exchange of the user "user" with the password "pencil".
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
ITERATIONS = 4096
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
EXCHANGE = (
    f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i={ITERATIONS},c=biws,r={NONCE}".encode()
)
CLIENT_PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SERVER_SIGNATURE = base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_fresh_credentials_are_unique_and_need_no_quotes() -> None:
    stacks = [asdict(Credentials.random()) for _ in range(50)]
    words = [word for stack in stacks for word in stack.values()]

    assert len(set(words)) == 300
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", word) for word in words)


def test_no_repr_has_them() -> None:
    for each in (Credentials.random(), RUNBOOK):
        assert repr(each) == "Credentials()"


def test_the_verifier_matches_the_example_of_rfc_7677(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials, "_ITERATIONS", ITERATIONS)

    stored, server = keys_of(scram_verifier("pencil", SALT))

    signature = hmac.digest(stored, EXCHANGE, "sha256")
    client_key = bytes(left ^ right for left, right in zip(CLIENT_PROOF, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored
    assert hmac.digest(server, EXCHANGE, "sha256") == SERVER_SIGNATURE


def test_a_statement_has_a_salted_verifier_and_no_password() -> None:
    first, second = (password_statement("plexsphere", "pencil") for _ in range(2))

    assert first != second
    assert "pencil" not in first + second
    assert first.startswith("ALTER ROLE plexsphere PASSWORD 'SCRAM-SHA-256$")


def keys_of(verifier: str) -> tuple[bytes, bytes]:
    """The stored key and the server key of a verifier in Postgres's format."""
    form = r"SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$(?P<stored>[\w+/]{43}=):(?P<server>[\w+/]{43}=)"
    parts = re.fullmatch(form, verifier)
    assert parts is not None, verifier
    return base64.b64decode(parts["stored"]), base64.b64decode(parts["server"])
