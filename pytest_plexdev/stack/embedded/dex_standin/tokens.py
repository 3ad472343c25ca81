"""Sign and verify tokens in Dex's format: the encoding of ``sub``, the claims, the signature."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.stack.embedded.dex_standin.storage import Grant, RefreshToken, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric import rsa

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig

Claims: TypeAlias = dict[str, Any]

CONNECTOR: Final = "local"
"""The id of the connector of the password database."""
_ALGORITHM: Final = "RS256"


class InvalidTokenError(Exception):
    """A token that this provider did not issue or that has expired. The message is that of Dex's verifier."""


def pack(*members: str) -> str:
    """Encode strings as a protobuf message, fields numbered from 1, in unpadded base64url: Dex's composite ids."""
    message = b"".join(
        bytes([number << 3 | 2]) + _varint(len(text.encode())) + text.encode()
        for number, text in enumerate(members, start=1)
    )
    return base64.urlsafe_b64encode(message).rstrip(b"=").decode()


def unpack(packed: str) -> list[str]:
    """Decode what :func:`pack` encoded.

    Raises:
        ValueError: *packed* is not such a message.
    """
    message = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    members: list[str] = []
    while message:
        if len(message) < 2 or message[0] != (len(members) + 1) << 3 | 2 or message[1] >= 0x80:
            raise ValueError("not a message of short strings")
        end = 2 + message[1]
        if len(message) < end:
            raise ValueError("cut off")
        members.append(message[2:end].decode())
        message = message[end:]
    return members


def subject(user_id: str) -> str:
    """Return the ``sub`` claim of a local user. It is the same for all clients."""
    return pack(user_id, CONNECTOR)


def refresh_token_value(token: RefreshToken) -> str:
    """Return the refresh token as the client receives it."""
    return pack(token.id, token.secret)


def token_hash(value: str) -> str:
    """Compute ``at_hash`` or ``c_hash`` of OpenID Connect Core §3.3.2.11, for RS256."""
    half = hashlib.sha256(value.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


class TokenMint:
    """Signs and verifies the provider's tokens. Access tokens are JWTs too."""

    def __init__(self, config: IdpConfig, key: rsa.RSAPrivateKey, clock: Callable[[], float]) -> None:
        self._issuer = config.issuer
        self._lifetime = config.id_token_lifetime
        self._clock = clock
        self._key = RSAKey.import_key(key, {"use": "sig", "alg": _ALGORITHM})
        self._header = {"alg": _ALGORITHM, "kid": self._key.thumbprint()}

    def public_keys(self) -> Claims:
        """Return the JWK set."""
        return {"keys": [{**self._key.as_dict(private=False), "kid": self._header["kid"]}]}

    def answer(self, grant: Grant, *, code: str = "", refresh_token: str = "") -> Claims:
        """Return the token endpoint's response: an access token and an ID token that is bound to it by ``at_hash``."""
        access_token = self._sign(grant, at_hash=token_hash(new_id()))
        hashes = {"at_hash": token_hash(access_token)}
        if code:
            hashes["c_hash"] = token_hash(code)
        answer: Claims = {
            "access_token": access_token,
            "token_type": "bearer",
            "expires_in": self._lifetime - 1,  # Dex computes it after signing, in whole seconds
        }
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return answer | {"id_token": self._sign(grant, **hashes)}

    def verify(self, token: str) -> Claims:
        """Verify issuer, expiry and signature of *token* and return its claims.

        Raises:
            InvalidTokenError: One of them is wrong.
        """
        claims = parse(token)
        if claims.get("iss") != self._issuer:
            raise InvalidTokenError(
                f'oidc: id token issued by a different provider, expected "{self._issuer}" '
                f'got "{claims.get("iss", "")}"'
            )
        expiry = claims.get("exp", 0)
        if not isinstance(expiry, int) or expiry < self._clock():
            raise InvalidTokenError(f"oidc: token is expired (Token Expiry: {_go_time(expiry)})")
        try:
            jws.deserialize_compact(token, self._key, algorithms=[_ALGORITHM])
        except (JoseError, ValueError):
            raise InvalidTokenError("failed to verify signature: failed to verify id token signature") from None
        return claims

    def _sign(self, grant: Grant, **hashes: str) -> str:
        now = int(self._clock())
        claims: Claims = {
            "iss": self._issuer,
            "sub": subject(grant.user.user_id),
            "aud": grant.client_id,
            "exp": now + self._lifetime,
            "iat": now,
        }
        if grant.nonce:
            claims["nonce"] = grant.nonce
        claims |= hashes | _claims_of_scopes(grant)
        return jws.serialize_compact(self._header, msgspec.json.encode(claims), self._key, algorithms=[_ALGORITHM])


def parse(token: str) -> Claims:
    """Return the claims of a JWT without verifying it.

    Raises:
        InvalidTokenError: *token* is not a JWT.
    """
    parts = token.split(".")
    if len(parts) < 2:
        raise InvalidTokenError(f"oidc: malformed jwt: oidc: malformed jwt, expected 3 parts got {len(parts)}")
    try:
        payload = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True)
        return decode_as(payload, Claims)
    except (ValueError, msgspec.DecodeError) as problem:
        raise InvalidTokenError(f"oidc: malformed jwt: oidc: malformed jwt payload: {problem}") from None


def _claims_of_scopes(grant: Grant) -> Claims:
    """The claims that the grant's scopes add. Local users have neither groups nor a preferred user name."""
    user = grant.user
    claims: Claims = {}
    if "email" in grant.scopes:
        claims |= {"email": user.email, "email_verified": True}
    if "profile" in grant.scopes:
        claims["name"] = user.username
    if "federated:id" in grant.scopes:
        claims["federated_claims"] = {"connector_id": CONNECTOR, "user_id": user.user_id}
    return claims


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _go_time(seconds: object) -> str:
    moment = seconds if isinstance(seconds, int) and abs(seconds) < 2**40 else 0
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
