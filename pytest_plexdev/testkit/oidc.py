"""Sign in to the stack's identity provider as an OAuth 2 client, as a program that does not use the control plane does.

The stack's client redirects to the control plane. That redirect is not followed, because a code works once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx

from pytest_plexdev.api import Client
from pytest_plexdev.api.raw_http import open_client
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.people import ADMIN, PASSWORD
from pytest_plexdev.errors import API_UNREACHABLE, PlexdevError
from pytest_plexdev.errors.sign_in import OIDC_REFUSED, OIDC_TOKEN
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.oidc_types import OidcClient, OidcTokens

SCOPE: Final = "openid profile email"
_DISCOVERY: Final = "/.well-known/openid-configuration"


class Oidc:
    """The stack's identity provider, for programs that sign in by themselves.

    Args:
        anonymous: The API without credentials; the exchanges are recorded with its own.
        issuer: The issuer URL.
        client: The client that the stack has.
        log: The identity provider's log, for errors: its path or the command that prints it.

    Example::

        def test_an_id_token_names_the_person(plexdev_oidc):
            tokens = plexdev_oidc("member@example.com", scope="openid email")
            assert plexdev_oidc.validate(tokens.id_token)["email"] == "member@example.com"
    """

    def __init__(self, anonymous: Client, issuer: str, *, client: OidcClient, log: str) -> None:
        self._anonymous = anonymous
        self._issuer = issuer
        self._client = client
        self._log = log

    @property
    def issuer(self) -> str:
        """The issuer URL, which ID tokens have as ``iss``."""
        return self._issuer

    @property
    def client(self) -> OidcClient:
        """The client that every stack has. Its redirect URI is the control plane's."""
        return self._client

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The discovery document: ``authorization_endpoint``, ``token_endpoint``, ``jwks_uri`` and the rest.

        Raises:
            PlexdevError: ``api-unreachable``, ``oidc-refused``.
        """
        with self._http() as http:
            document = self._read(http, f"{self._issuer}{_DISCOVERY}")
        if document.get("issuer") != self._issuer:
            raise self._refused(self._client, f"its document is of the issuer {document.get('issuer')}", _DISCOVERY)
        return document

    def __call__(
        self,
        user: str = ADMIN,
        *,
        password: str = PASSWORD,
        client: OidcClient | None = None,
        scope: str = SCOPE,
    ) -> OidcTokens:
        """Sign *user* in by authorization code and PKCE, and validate the ID token.

        Each call signs in anew.

        Args:
            user: Name of the user at the identity provider.
            password: Password of the user.
            client: By default the stack's own.
            scope: Scopes, separated by spaces; ``offline_access`` asks for a refresh token.

        Raises:
            PlexdevError: ``sign-in-refused``: wrong user or password; ``sign-in-page``: an unexpected page, for example
                about an unknown client; ``oidc-refused``; ``oidc-token``; ``api-unreachable``.
        """
        client = client or self._client
        from pytest_plexdev.testkit.relying_party import RelyingParty

        with self._http() as http:
            relying_party = RelyingParty(http, client, self.metadata, scope=scope)
            callback = self._open(relying_party.authorization_url(), http, user=user, password=password)
            answered = _query_of(callback)
            if "error" in answered:
                reason = ": ".join(filter(None, (answered["error"], answered.get("error_description"))))
                raise self._refused(client, reason, self.metadata["authorization_endpoint"])
            with self._refusals(client, self.metadata["token_endpoint"]):
                token = relying_party.tokens(callback)
        self._anonymous.transport.exchanges.add_secrets([client.secret, *_texts_of(token)])
        parameters = {
            "nonce": relying_party.nonce,
            "access_token": token["access_token"],
            "code": answered.get("code"),
        }
        return OidcTokens(
            user=user,
            claims=self._validated(token["id_token"], client.id, parameters),
            expires_at=unix_time() + float(token.get("expires_in", 0)),
            id_token=token["id_token"],
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token", ""),
        )

    def open(self, authorization_url: str, *, user: str = ADMIN, password: str = PASSWORD) -> str:
        """Open an authorization URL of your program, sign in like a user in a browser, and return where it leads back.

        Returns:
            The redirect URI with ``code`` and ``state``, or with ``error``. It is not requested: hand it to the
            program.

        Raises:
            PlexdevError: ``sign-in-refused``, ``sign-in-page``, ``api-unreachable``.
        """
        with self._http() as http:
            return self._open(authorization_url, http, user=user, password=password)

    def validate(self, id_token: str, *, nonce: str | None = None, client_id: str | None = None) -> Mapping[str, Any]:
        """Validate an ID token that your program got: signature, ``iss``, ``aud``, ``exp``, ``iat``.

        Args:
            nonce: The one of the authorization request, if it had one.
            client_id: The client that the token is for; by default the stack's own.

        Returns:
            The claims.

        Raises:
            PlexdevError: ``oidc-token``, ``oidc-refused``, ``api-unreachable``.
        """
        return self._validated(id_token, client_id or self._client.id, {"nonce": nonce})

    def _validated(self, id_token: str, client_id: str, parameters: Mapping[str, str | None]) -> Mapping[str, Any]:
        from pytest_plexdev.testkit.relying_party import validated_claims

        with self._http() as http:
            # Not cached: an identity provider that started again has other keys.
            keys = self._read(http, self.metadata["jwks_uri"])
        try:
            return validated_claims(id_token, keys, issuer=self._issuer, client_id=client_id, parameters=parameters)
        except ValueError as error:
            raise PlexdevError(OIDC_TOKEN, client=client_id, reason=error) from error

    def _open(self, url: str, http: httpx.Client, *, user: str, password: str) -> str:
        self._anonymous.transport.exchanges.add_secrets([password])
        browser = Browser(self._anonymous.transport.base_url, user=user, password=password, log=self._log, http=http)
        return browser.authorize(url)

    def _http(self) -> httpx.Client:
        """A client whose exchanges are in the evidence of a failing test."""
        return open_client(self._anonymous.transport)

    def _read(self, http: httpx.Client, url: str) -> dict[str, Any]:
        with self._refusals(self._client, url):
            response = http.get(url)
            response.raise_for_status()
            document: dict[str, Any] = response.json()
        return document

    @contextmanager
    def _refusals(self, client: OidcClient, url: str) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise PlexdevError(API_UNREACHABLE, method="request to", url=url, reason=error) from error
        except (httpx.HTTPStatusError, ValueError) as error:
            raise self._refused(client, str(error), url) from error

    def _refused(self, client: OidcClient, reason: str, url: str) -> PlexdevError:
        return PlexdevError(OIDC_REFUSED, client=client.id, reason=reason, url=url, log=self._log)

    def __repr__(self) -> str:
        return f"Oidc({self._issuer!r}, client={self._client.id!r})"


def _query_of(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def _texts_of(token: Mapping[str, Any]) -> list[str]:
    return [token[name] for name in ("id_token", "access_token", "refresh_token") if token.get(name)]
