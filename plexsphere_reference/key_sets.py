"""Key sets of identity providers, and the signatures that they make. joserfc is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from plexsphere_reference.rules.id_token import IdTokenRefused
from plexsphere_reference.untrusted_json import Unreadable, decode

if TYPE_CHECKING:
    from joserfc.jwk import Key, KeySet

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: a client secret must never pass for a signing key, and `none` for a signature."""
_MEMBERS: Final = {"RSA": ("kty", "n", "e", "kid", "alg"), "EC": ("kty", "crv", "x", "y", "kid", "alg")}
"""What is read of a public key. Private members of a careless provider are never looked at."""
_MOST_KEYS: Final = 64
_SHORTEST_MODULUS, _LONGEST_MODULUS = 342, 2731
"""Base64 characters of 2,048 bits, the least that RFC 7518 §3.3 allows, and of 16,384, the most that OpenSSL takes."""


class WrongKeySet(Exception):
    """The document is no key set, or holds no key that can be used."""


class _Published(msgspec.Struct):
    keys: list[Any]


def key_set(content: bytes) -> KeySet:
    """The signing keys of a JWKS document (RFC 7517 §5: those that cannot be used are passed over).

    Raises:
        WrongKeySet: It has none.
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
    except Exception:  # a stranger's bytes: whatever the libraries make of them, they are no key
        return None


def _public_members(published: Any) -> dict[str, str | list[str]] | None:
    """The members of a signing key that is of a kind and size that can be used."""
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
    """The claims of a token; None where none of ``keys`` made its signature.

    Raises:
        IdTokenRefused: ``id_token_invalid``: it is no token, or its algorithm is not one of those above.
    """
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError

    try:
        return jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
    except (BadSignatureError, InvalidKeyIdError):
        return None
    except Exception as error:  # likewise: it may be nested without end, or have a header of any shape
        reason = f"the id_token cannot be read: {type(error).__name__}"
        raise IdTokenRefused("id_token_invalid", reason) from error
