"""``/v1/auth``: the principal, its API tokens, sign-in and the device-code flow."""

from __future__ import annotations

import builtins
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class Whoami(msgspec.Struct, frozen=True, kw_only=True):
    """The principal. ``domain_id`` is absent for a platform operator."""

    principal_type: str
    subject: str
    principal_scope: str | None = None
    domain_id: str | None = None
    email: str | None = None
    acr: str | None = None
    amr: list[str] = []


class LoginBinding(msgspec.Struct, frozen=True, kw_only=True):
    """An active IdP binding, as the API shows it before sign-in."""

    id: str
    label: str
    issuer_host: str
    primary: bool
    platform_scoped: bool
    alias: str | None = None


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's sign-in that has begun. Only a browser with ``cookies`` can complete it."""

    authorization_url: str
    state: str
    code_verifier_handle: str
    nonce: str
    cookies: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"SignIn(authorization_url={self.authorization_url.partition('?')[0]!r}, cookies='***')"


class DeviceCode(msgspec.Struct, frozen=True, kw_only=True):
    """A device code. ``expires_in`` and ``interval`` are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int

    def __repr__(self) -> str:
        return f"DeviceCode(user_code={self.user_code!r}, device_code='***')"


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    token_type: str
    expires_in: int
    scope: str | None = None

    def __repr__(self) -> str:
        return f"AccessToken(access_token='***', expires_in={self.expires_in})"


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    env_prefix: str
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None = None
    rotated_at: Timestamp | None = None


class IssuedApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new API token. After a rotation, the previous value works until ``rotation_deadline``."""

    id: str
    plaintext: str
    env_prefix: str
    expires_at: Timestamp
    rotation_deadline: Timestamp | None = None

    def __repr__(self) -> str:
        return f"IssuedApiToken(id={self.id!r}, plaintext='psk_***')"


class Auth:
    """Sign-in, and the API tokens of the principal."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def whoami(self) -> Whoami:
        """Read the principal."""
        return self._transport.request("GET", "/v1/auth/whoami", Whoami)

    def idp_bindings(self, *, domain_id: str) -> builtins.list[LoginBinding]:
        """List the active IdP bindings of a Domain, the primary one first."""
        parameters = {"domain_id": domain_id}
        path = "/v1/auth/idp-bindings"
        return self._transport.request("GET", path, builtins.list[LoginBinding], parameters=parameters)

    def sign_in(
        self, *, domain_id: str | None = None, idp_binding_id: str | None = None, return_to: str | None = None
    ) -> SignIn:
        """Begin a browser's sign-in.

        The browser that opens the answer's ``authorization_url`` must have its ``cookies``. Otherwise the control plane
        does not complete the sign-in.
        """
        body = body_of(domain_id=domain_id, idp_binding_id=idp_binding_id, return_to=return_to)
        answer, cookies = self._transport.request_with_cookies("POST", "/v1/auth/sign-in", SignIn, body=body)
        return msgspec.structs.replace(answer, cookies=cookies)

    def device_code(self, *, domain_id: str | None = None, idp_binding_id: str | None = None) -> DeviceCode:
        """Begin a device-code flow (RFC 8628)."""
        body = body_of(domain_id=domain_id, idp_binding_id=idp_binding_id)
        return self._transport.request("POST", "/v1/auth/device-code", DeviceCode, body=body)

    def device_token(self, device_code: str) -> AccessToken:
        """Poll once for the approval of the device code.

        Raises:
            ProblemError: 400 with the code ``authorization_pending``, ``slow_down``, ``expired_token``,
                ``access_denied`` or ``invalid_grant``.
        """
        body = {"device_code": device_code}
        return self._transport.request("POST", "/v1/auth/device-token", AccessToken, body=body)

    def issue_token(
        self, *, identity_ref: str, env_prefix: Literal["dev", "stage", "prod"] = "dev", ttl_seconds: int | None = None
    ) -> IssuedApiToken:
        """Issue an API token for the principal itself; *identity_ref* is ``user:<id>`` or ``service:<id>``."""
        body = body_of(identity_ref=identity_ref, env_prefix=env_prefix, ttl_seconds=ttl_seconds)
        return self._transport.request("POST", "/v1/auth/tokens", IssuedApiToken, body=body)

    def tokens(self) -> builtins.list[ApiToken]:
        """List the principal's API tokens."""
        return self._transport.request("GET", "/v1/auth/tokens", builtins.list[ApiToken])

    def rotate_token(self, token_id: str) -> IssuedApiToken:
        """Replace the value of a token. The old one works until ``rotation_deadline``."""
        return self._transport.request("POST", f"/v1/auth/tokens/{token_id}/rotate", IssuedApiToken)

    def revoke_token(self, token_id: str) -> None:
        """Revoke a token, with immediate effect."""
        self._transport.run("DELETE", f"/v1/auth/tokens/{token_id}")
