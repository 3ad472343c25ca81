"""Authorization code with PKCE, and the validation of ID tokens: the part of ``plexdev_oidc`` that Authlib does.

Authlib's core is used, over httpx: its own httpx client is deprecated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
from authlib.common.security import generate_token
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.testkit.browser import SKEW_ALLOWED
from pytest_plexdev.testkit.oidc_types import OidcClient

_ALGORITHMS: Final = ["RS256"]
"""Dex signs with it. An ID token that is signed otherwise, or not at all, is invalid."""


class RelyingParty:
    """One sign-in of a client: its state, its nonce and its code verifier are its own.

    Args:
        metadata: The discovery document of the identity provider.
    """

    def __init__(self, http: httpx.Client, client: OidcClient, metadata: Mapping[str, Any], *, scope: str) -> None:
        self._client = client
        self._metadata = metadata
        self._verifier = generate_token(48)
        self._state = generate_token()
        self.nonce = str(generate_token())
        self._oauth = OAuth2Client(
            http, client.id, scope=scope, redirect_uri=client.redirect_uri, code_challenge_method="S256"
        )

    def authorization_url(self) -> str:
        """Return the URL that the user opens."""
        url, _ = self._oauth.create_authorization_url(
            self._metadata["authorization_endpoint"],
            state=self._state,
            code_verifier=self._verifier,
            nonce=self.nonce,
        )
        return str(url)

    def tokens(self, callback: str) -> Mapping[str, Any]:
        """Exchange the code of the URL *callback* for tokens.

        Raises:
            ValueError: The identity provider refused, or its answer is none.
        """
        try:
            answer: Mapping[str, Any] = self._oauth.fetch_token(
                self._metadata["token_endpoint"],
                authorization_response=callback,
                state=self._state,
                code_verifier=self._verifier,
                # Form-encoded before they are base64 (RFC 6749, section 2.3.1).
                auth=(quote_plus(self._client.id), quote_plus(self._client.secret)),
            )
        except OAuth2Error as error:
            raise ValueError(str(error)) from error
        if lacking := [name for name in ("id_token", "access_token") if not isinstance(answer.get(name), str)]:
            raise ValueError(f"the answer has no {lacking[0]}")
        return answer


def validated_claims(
    id_token: str, key_set: Any, *, issuer: str, client_id: str, parameters: Mapping[str, str | None]
) -> Mapping[str, Any]:
    """Validate an ID token and return its claims.

    Args:
        key_set: The JSON Web Key Set of the identity provider.
        parameters: ``nonce``, ``access_token`` and ``code``, as far as they are known.

    Raises:
        ValueError: It is not valid.
    """
    try:
        decoded = jwt.decode(id_token, KeySet.import_key_set(key_set), algorithms=_ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
            params={**parameters, "client_id": client_id},
        )
        claims.validate(now=int(unix_time()), leeway=SKEW_ALLOWED)
    except JoseError as error:
        raise ValueError(str(error)) from error
    return dict(claims)
