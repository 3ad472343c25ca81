"""Parse the key sets of identity providers and verify signatures. joserfc is imported lazily."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from plexsphere_reference.rules.id_token import IdTokenRefused
from plexsphere_reference.untrusted_json import Unreadable, decode

if TYPE_CHECKING:
    from joserfc.jwk import Key, KeySet

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric algorithms only, so that neither a client secret nor `none` is accepted."""
_MEMBERS: Final = {"RSA": ("kty", "n", "e", "kid", "alg"), "EC": ("kty", "crv", "x", "y", "kid", "alg")}
"""The members to read from a public key. Private members that a provider publishes by mistake are ignored."""
_MOST_KEYS: Final = 64
_SHORTEST_MODULUS, _LONGEST_MODULUS = 342, 2731
"""Base64 characters of 2,048 bits, the least that RFC 7518 §3.3 allows, and of 16,384, the most that OpenSSL takes."""


class WrongKeySet(Exception):
    """The document is not a key set, or has no usable key."""


class _Published(msgspec.Struct):
    keys: list[Any]


def key_set(content: bytes) -> KeySet:
    """Return the signing keys of a JWKS document. Unusable keys are skipped (RFC 7517 §5).

    Raises:
        WrongKeySet: It has no usable key.
    """
    from joserfc.jwk import KeySet

    try:
        published = decode(content, _Published).keys
    except Unreadable as error:
        raise WrongKeySet from error
    usable = [key for each in published[:_MOST_KEYS] if (key := _signing_key(each)) is not None]
    if not usable:
        raise WrongKeySet
    return KeySet(usable)


def _signing_key(published: Any) -> Key | None:
    from joserfc.jwk import JWKRegistry

    members = _public_members(published)
    if members is None:
        return None
    try:
        return JWKRegistry.import_key(members)
    except Exception:  # untrusted input: any exception means that it is not a key
        return None


def _public_members(published: Any) -> dict[str, str | list[str]] | None:
    """Return the public members of a signing key; None if its type or size is not supported."""
    if not isinstance(published, dict) or published.get("use", "sig") != "sig":
        return None
    kind = published.get("kty")
    members = {
        name: value
        for name in (_MEMBERS.get(kind, ()) if isinstance(kind, str) else ())
        if isinstance(value := published.get(name), str)
    }
    if kind == "RSA" and not _SHORTEST_MODULUS <= len(members.get("n", "")) <= _LONGEST_MODULUS:
        return None
    return dict(members) or None


def claims_of(id_token: str, keys: KeySet) -> Mapping[str, Any] | None:
    """Verify a token and return its claims; None if it is not signed by any of ``keys``.

    Raises:
        IdTokenRefused: ``id_token_invalid`` if it is malformed or its algorithm is not supported.
    """
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError

    try:
        return jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
    except (BadSignatureError, InvalidKeyIdError):
        return None
    except Exception as error:  # untrusted input, for example deeply nested or with a malformed header
        reason = f"the id_token cannot be read: {type(error).__name__}"
        raise IdTokenRefused("id_token_invalid", reason) from error
