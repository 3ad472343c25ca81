"""Parse an authorization request, with Dex's checks in Dex's order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NoReturn

from pytest_plexdev.stack.embedded.dex_standin.errors import PageRefusal, RedirectRefusal
from pytest_plexdev.stack.embedded.dex_standin.forms import FormError, unescape
from pytest_plexdev.stack.embedded.dex_standin.storage import AuthRequest
from pytest_plexdev.stack.embedded.dex_standin.tokens import CONNECTOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpClient, IdpConfig
    from pytest_plexdev.stack.embedded.dex_standin.forms import Values

SCOPES: Final = ("openid", "email", "groups", "profile", "offline_access")
CHALLENGE_METHODS: Final = ("S256", "plain")
RESPONSE_TYPES: Final = ("code",)

_UNADVERTISED_SCOPE = "federated:id"
_KNOWN_RESPONSE_TYPES = ("code", "id_token", "token")
_OTHER_AUDIENCE = "audience:server:client_id:"


def read_auth_request(values: Values, config: IdpConfig, *, now: float) -> AuthRequest:
    """Parse and check the request in *values*.

    Args:
        now: Unix time in seconds.

    Raises:
        PageRefusal: The client or the redirect URI is unknown, so the error cannot be sent to the client.
        RedirectRefusal: The client is known and the request is invalid.
    """
    return _Reader(values, config).read(now + config.auth_request_lifetime)


def quoted(*values: str) -> str:
    """Format *values* like Go's ``%q`` of a list of strings."""
    return "[" + " ".join(json.dumps(value, ensure_ascii=False) for value in values) + "]"


class _Reader:
    def __init__(self, values: Values, config: IdpConfig) -> None:
        self._values = values
        self._redirect_uri = _decoded_again(values.get("redirect_uri", ""))
        self._client = _known_client(values.get("client_id", ""), config)
        if self._redirect_uri not in self._client.redirect_uris:
            raise PageRefusal(400, f"Unregistered redirect_uri ({json.dumps(self._redirect_uri)}).")

    def read(self, expires_at: float) -> AuthRequest:
        self._check_connector()
        if self._value("request"):
            self._refuse("request_not_supported", "Server does not support request parameter.")
        challenge_method = self._challenge_method()
        scopes = self._scopes()
        self._check_response_types()
        return AuthRequest(
            client=self._client,
            redirect_uri=self._redirect_uri,
            scopes=tuple(scopes),
            state=self._value("state"),
            nonce=self._value("nonce"),
            code_challenge=self._value("code_challenge"),
            challenge_method=challenge_method,
            force_approval=self._value("approval_prompt") == "force",
            expires_at=expires_at,
        )

    def _value(self, name: str) -> str:
        return self._values.get(name, "")

    def _refuse(self, error: str, description: str) -> NoReturn:
        raise RedirectRefusal(self._redirect_uri, self._value("state"), error, description)

    def _check_connector(self) -> None:
        if self._value("connector_id") not in ("", CONNECTOR):
            self._refuse("invalid_request", "Invalid ConnectorID")

    def _challenge_method(self) -> str:
        method = self._value("code_challenge_method") or "plain"
        if method not in CHALLENGE_METHODS:
            self._refuse("invalid_request", f"Unsupported PKCE challenge method ({json.dumps(method)}).")
        return method

    def _scopes(self) -> Sequence[str]:
        scopes = self._value("scope").split()
        foreign = [scope for scope in scopes if scope.startswith(_OTHER_AUDIENCE)]
        unknown = [s for s in scopes if s not in (*SCOPES, _UNADVERTISED_SCOPE) and s not in foreign]
        if "openid" not in scopes:
            self._refuse("invalid_scope", 'Missing required scope(s) ["openid"].')
        if unknown:
            self._refuse("invalid_scope", f"Unrecognized scope(s) {quoted(*unknown)}")
        # Clients of an IdpConfig do not trust each other, so the only valid audience is the client itself.
        untrusted = [scope for scope in foreign if scope != _OTHER_AUDIENCE + self._client.id]
        if untrusted:
            self._refuse("invalid_scope", f"Client can't request scope(s) {quoted(*untrusted)}")
        return scopes

    def _check_response_types(self) -> None:
        requested = self._value("response_type").split()
        for response_type in requested:
            if response_type not in _KNOWN_RESPONSE_TYPES:
                self._refuse("invalid_request", f"Invalid response type {json.dumps(response_type)}")
            if response_type not in RESPONSE_TYPES:
                self._refuse("unsupported_response_type", f"Unsupported response type {json.dumps(response_type)}")
        if not requested:
            self._refuse("invalid_request", "No response_type provided")


def _decoded_again(uri: str) -> str:
    """Decode once more than needed, as Dex does: it accepts a URI that was encoded twice."""
    try:
        return unescape(uri)
    except FormError:
        raise PageRefusal(400, "No redirect_uri provided.") from None


def _known_client(client_id: str, config: IdpConfig) -> IdpClient:
    for client in config.clients:
        if client.id == client_id:
            return client
    raise PageRefusal(404, f"Invalid client_id ({json.dumps(client_id)}).")
