"""Validate the claims of an ID token (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

LEEWAY: Final = 60.0
"""Maximum clock difference to the identity provider, in seconds."""
_LONGEST_SUBJECT: Final = 255
_LONGEST_TEXT: Final = 1024
_MOST_AMR: Final = 16


class IdTokenRefused(Exception):
    """The ID token is not accepted.

    Attributes:
        kind: The problem code.
        detail: One sentence for people. It includes both clocks if the reason is the time.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The values that the sign-in expects in the token.

    Attributes:
        now: This plane's clock, Unix seconds.
        idp_clock: The identity provider's clock at the same moment, if its response has a ``Date`` header.
    """

    issuer: str
    client_id: str
    nonce: str
    now: float
    idp_clock: float | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """The person that an identity provider has authenticated.

    Attributes:
        verified_email: The address in ``email``, if the provider says that it has verified it.
    """

    external_subject: str
    email: str | None
    display_name: str
    acr: str | None
    amr: tuple[str, ...]
    verified_email: str | None = None


def check(claims: Mapping[str, Any], expected: Expected) -> None:
    """Check the claims of a token whose signature is valid.

    Raises:
        IdTokenRefused: ``nonce_mismatch``, ``id_token_expired`` or ``id_token_invalid``.
    """
    if claims.get("iss") != expected.issuer:
        raise IdTokenRefused("id_token_invalid", f"the id_token's iss is not the binding's issuer {expected.issuer}")
    _check_audience(claims, expected.client_id)
    _check_times(claims, expected)
    if claims.get("nonce") != expected.nonce:
        raise IdTokenRefused("nonce_mismatch", "the id_token's nonce is not the one of this sign-in")


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise IdTokenRefused("id_token_invalid", f"the id_token is not for the client {client_id}")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise IdTokenRefused("id_token_invalid", f"the id_token was not issued to the client {client_id} (azp)")


def _check_times(claims: Mapping[str, Any], expected: Expected) -> None:
    expires, issued, not_before = (_moment(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise IdTokenRefused("id_token_invalid", "the id_token has no exp or no iat")
    if expires + LEEWAY < expected.now:
        raise IdTokenRefused("id_token_expired", f"id_token has expired: exp is {_utc(expires)}; {_clocks(expected)}")
    if issued - LEEWAY > expected.now:
        raise IdTokenRefused(
            "id_token_invalid", f"id_token was issued in the future: iat is {_utc(issued)}; {_clocks(expected)}"
        )
    if not_before is not None and not_before - LEEWAY > expected.now:
        raise IdTokenRefused(
            "id_token_invalid", f"id_token is not yet valid: nbf is {_utc(not_before)}; {_clocks(expected)}"
        )


def _clocks(expected: Expected) -> str:
    ours = f"the control plane's clock is {_utc(expected.now)}"
    if expected.idp_clock is None:
        return f"{ours}; more than {LEEWAY:.0f} s of clock skew is not accepted"
    skew = expected.idp_clock - expected.now
    side = "ahead" if skew >= 0 else "behind"
    return f"{ours}, the identity provider's is {abs(skew):.0f} s {side} (clock skew of {LEEWAY:.0f} s is accepted)"


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    # Later times cannot be represented as a datetime (year 9999).
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 253_402_300_800:
        return None
    return float(value)


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def person(
    claims: Mapping[str, Any],
    mappings: Mapping[str, str],
    *,
    required_acr: Sequence[str],
    required_amr: Sequence[str],
) -> Person:
    """Read the person from the claims, by the binding's mappings of ``email``, ``display_name``, ``external_subject``.

    Raises:
        IdTokenRefused: ``id_token_invalid`` without a usable subject; ``assurance_insufficient`` if the
            authentication was weaker than the binding requires.
    """
    subject = _text(claims.get(mappings.get("external_subject", "sub")), _LONGEST_SUBJECT)
    if subject is None:
        raise IdTokenRefused("id_token_invalid", "the id_token names no subject")
    email = _text(claims.get(mappings.get("email", "email")))
    named = _text(claims.get(mappings.get("display_name", "name"))) or _text(claims.get("preferred_username"))
    acr = _text(claims.get("acr"))
    given = claims.get("amr")
    amr = tuple(each for each in given if _text(each)) if isinstance(given, list) else ()
    if required_acr and acr not in required_acr:
        raise IdTokenRefused("assurance_insufficient", f"the sign-in's acr must be one of {', '.join(required_acr)}")
    if missing := sorted(set(required_amr) - set(amr)):
        raise IdTokenRefused("assurance_insufficient", f"the sign-in's amr lacks {', '.join(missing)}")
    # `email_verified` is about the claim `email`, whatever the mapping reads.
    is_verified = claims.get("email_verified") is True and email == claims.get("email")
    return Person(
        external_subject=subject,
        email=email,
        display_name=named or email or subject,
        acr=acr,
        amr=amr[:_MOST_AMR],
        verified_email=email if is_verified else None,
    )


def _text(value: object, most: int = _LONGEST_TEXT) -> str | None:
    """Return ``value`` if it is text that can be stored and displayed; not every JSON string can."""
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        return None
    return value
