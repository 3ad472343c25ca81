"""Log in by the device-code flow (RFC 8628), once per user and run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

from pytest_plexdev.api import Client
from pytest_plexdev.api.auth import Whoami
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.file_lock import private_lock
from pytest_plexdev.core.people import ADMIN, PASSWORD
from pytest_plexdev.core.private_files import make_private_directory, read_private, write_private
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.device_poll import DevicePoll

RENEW_BEFORE: Final = 60.0
"""A cached login that expires within this number of seconds is renewed."""


class SignInTarget(Protocol):
    """The target of a sign-in: a Domain and one of its IdP bindings."""

    @property
    def domain_id(self) -> str: ...
    @property
    def binding_id(self) -> str: ...
    @property
    def admin(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Login:
    """A completed device-code flow.

    Attributes:
        user: The name at the identity provider.
        domain_id: The Domain that the principal belongs to.
        expires_at: Unix time, seconds.
        client: The ``/v1`` API as this principal.
        token: The bearer token.

    Example::

        def test_a_member_of_acme(plexdev_login):
            login = plexdev_login("acme-corp", user="member@example.com")
            assert login.client.auth.whoami().domain_id == login.domain_id
    """

    user: str
    domain_id: str
    expires_at: float
    client: Client
    token: str = field(repr=False)

    def whoami(self) -> Whoami:
        """Request this principal from the API."""
        return self.client.auth.whoami()


def approve(
    client: Client,
    verification_uri_complete: str,
    *,
    log: str,
    user: str = ADMIN,
    password: str = PASSWORD,
) -> None:
    """Open the link that a device shows, sign in and approve the device code, like a user in a browser.

    Args:
        client: The API without credentials.
        verification_uri_complete: The link.
        log: The API's log, for errors: its path or the command that prints it.
        user: Name of the user at the identity provider.
        password: Password of the user.

    Raises:
        PlexdevError: The sign-in failed; see :meth:`Browser.sign_in`.
        ProblemError: The code is unknown, expired or already approved.
    """
    codes = parse_qs(urlsplit(verification_uri_complete).query).get("user_code", [])
    browser = Browser(client.transport.base_url, user=user, password=password, log=log)
    try:
        browser.sign_in(verification_uri_complete)
        browser.approve(codes[0] if codes else "")
    finally:
        browser.close()


class _CachedToken(msgspec.Struct, frozen=True):
    token: str
    expires_at: float

    def __repr__(self) -> str:
        return f"_CachedToken(token='***', expires_at={self.expires_at})"


class Logins:
    """Logs users in, each once per run: the workers of a run share the tokens in *directory*.

    Args:
        client: The API without credentials.
        directory: The directory of the cached tokens, in private files.
        log: The API's log, for errors: its path or the command that prints it.
        clock: Returns Unix time in seconds.
        by_slug: Returns a seeded tenant.

    Example::

        def test_the_admin_of_beta(plexdev_login, plexdev_tenants):
            beta = plexdev_tenants["beta-llc"]
            assert plexdev_login(beta).user == beta.admin
    """

    def __init__(
        self,
        client: Client,
        directory: Path,
        *,
        log: str,
        clock: Callable[[], float] = unix_time,
        by_slug: Callable[[str], SignInTarget] | None = None,
    ) -> None:
        self._client = client
        self._by_slug = by_slug
        self._directory = directory
        self._log = log
        self._clock = clock

    def __call__(
        self,
        tenant: SignInTarget | str,
        *,
        user: str | None = None,
        password: str = PASSWORD,
        renew: bool = False,
    ) -> Login:
        """Log *user* in to *tenant* by the device-code flow, or return the login of this run.

        Args:
            tenant: A tenant, or the slug of a seeded one.
            user: Name of the user at the identity provider; by default the tenant's admin.
            password: Password of the user.
            renew: Whether to sign in again if there is a login of this run; the sign-in accepts the user's invitations.

        Raises:
            PlexdevError: ``unknown-name``: no seeded Domain has that slug; ``sign-in-refused``, ``sign-in-failed``,
                ``sign-in-page``, ``clock-skew``, ``device-code-expired``, ``device-code-refused``.
        """
        tenant = self._target(tenant)
        user = user or tenant.admin
        self._client.transport.exchanges.add_secrets([password])
        file = self._file(tenant, user, password)
        make_private_directory(file.parent)
        with private_lock(file.with_suffix(".lock")):
            cached = (None if renew else self._read(file)) or self._sign_in(tenant, user, password)
            write_private(file, msgspec.json.encode(cached))
        return Login(
            user=user,
            domain_id=tenant.domain_id,
            expires_at=cached.expires_at,
            client=self._client.as_principal(cached.token),
            token=cached.token,
        )

    def _target(self, tenant: SignInTarget | str) -> SignInTarget:
        if isinstance(tenant, str):
            if self._by_slug is None:
                raise TypeError(f"pass a tenant instead of its slug {tenant!r}: the seeded tenants are not known here")
            return self._by_slug(tenant)
        if not all(hasattr(tenant, name) for name in ("domain_id", "binding_id", "admin")):
            raise TypeError(f"pass a tenant or the slug of a seeded one, not a {type(tenant).__name__}")
        return tenant

    def approve(self, verification_uri_complete: str, *, user: str = ADMIN, password: str = PASSWORD) -> None:
        """See :func:`approve`. The default user is the seeded one."""
        approve(self._client, verification_uri_complete, log=self._log, user=user, password=password)

    def _sign_in(self, tenant: SignInTarget, user: str, password: str) -> _CachedToken:
        auth = self._client.auth
        device = auth.device_code(domain_id=tenant.domain_id, idp_binding_id=tenant.binding_id)
        browser = Browser(self._client.transport.base_url, user=user, password=password, log=self._log)
        try:
            # By the API rather than the page, because the contract does not specify the page's markup.
            start = auth.sign_in(domain_id=tenant.domain_id, idp_binding_id=tenant.binding_id)
            browser.sign_in(start.authorization_url, cookies=start.cookies)
            browser.approve(device.user_code)
        finally:
            browser.close()
        # It is already approved, so the first poll succeeds without waiting.
        token = DevicePoll(self._client).wait(device)
        return _CachedToken(token.access_token, self._clock() + token.expires_in)

    def _read(self, file: Path) -> _CachedToken | None:
        try:
            cached = decode_as(read_private(file), _CachedToken)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return cached if cached.expires_at - self._clock() > RENEW_BEFORE else None

    def _file(self, tenant: SignInTarget, user: str, password: str) -> Path:
        # The key includes the password, so that a wrong one fails even if the user is logged in.
        key = "\n".join((self._client.transport.base_url, tenant.domain_id, tenant.binding_id, user, password))
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
