"""Key sets of identity providers, and the signatures that they make. joserfc is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from plexsphere_reference.domain.id_token import IdTokenRefused

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: a client secret must never pass for a signing key, and `none` for a signature."""


class WrongKeySet(Exception):
    """The document is no key set, or holds a key that cannot be read."""


def key_set(content: bytes) -> KeySet:
    """The signing keys of a JWKS document (RFC 7517); those of other kinds are passed over."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    try:
        published = msgspec.json.decode(content)["keys"]
        signing = [each for each in published if each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC")]
        return KeySet([JWKRegistry.import_key(each) for each in signing])
    except (msgspec.DecodeError, JoseError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise WrongKeySet from error


def claims_of(id_token: str, keys: KeySet) -> Mapping[str, Any] | None:
    """The claims of a token; None where none of ``keys`` made its signature.

    Raises:
        IdTokenRefused: ``id_token_invalid``: it is no token, or its algorithm is not one of those above.
    """
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

    try:
        return jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
    except (BadSignatureError, InvalidKeyIdError):
        return None
    except (JoseError, ValueError, TypeError) as error:
        reason = f"the id_token cannot be read: {type(error).__name__}"
        raise IdTokenRefused("id_token_invalid", reason) from error
