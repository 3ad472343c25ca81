"""Log in by the device-code flow (RFC 8628), once per person and run."""

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
from pytest_plexdev.core.private_files import make_private_directory, read_private, write_private
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.device_poll import DevicePoll

SEEDED_USER: Final = "admin@example.com"
SEEDED_PASSWORD: Final = "password"  # noqa: S105 - the dev stack's public fixture (runbook, Dex static user)
RENEW_BEFORE: Final = 60.0
"""Seconds before its end at which a cached login is not handed out any more."""


class SignInTarget(Protocol):
    """Where one can sign in: a Domain through one of its IdP bindings."""

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
        """Ask the API who this is."""
        return self.client.auth.whoami()


def approve(
    client: Client,
    verification_uri_complete: str,
    *,
    log: str,
    user: str = SEEDED_USER,
    password: str = SEEDED_PASSWORD,
) -> None:
    """Do what a person does with the link that a device shows: open it, sign in, approve.

    Args:
        client: The API as nobody.
        verification_uri_complete: The link.
        log: What to read where the control plane refuses: the API's log.
        user: The name at the identity provider.
        password: The password that goes with it.

    Raises:
        PlexdevError: The sign-in did not work.
        ProblemError: The code is unknown, expired or approved already.
    """
    codes = parse_qs(urlsplit(verification_uri_complete).query).get("user_code", [])
    browser = Browser(client.transport.base_url, user=user, password=password, log=log)
    try:
        browser.sign_in(verification_uri_complete)
        browser.approve(codes[0] if codes else "")
    finally:
        browser.close()


class _Remembered(msgspec.Struct, frozen=True):
    token: str
    expires_at: float

    def __repr__(self) -> str:
        return f"_Remembered(token='***', expires_at={self.expires_at})"


class Logins:
    """Logs people in, each once per run: the workers of a run share *directory*.

    Args:
        client: The API as nobody.
        directory: Where tokens are kept, in files that only this user reads.
        log: What to read where the control plane refuses a sign-in: the API's log.
        clock: Unix time, seconds.
        by_slug: Finds a seeded tenant.

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
        self, tenant: SignInTarget | str, *, user: str | None = None, password: str = SEEDED_PASSWORD
    ) -> Login:
        """Sign *user* in to *tenant* by the device-code flow; the tenant's admin by default.

        Args:
            tenant: A tenant, or the slug of a seeded one.

        Raises:
            PlexdevError: ``unknown-name``: no seeded Domain has that slug; the identity provider or the control plane
                refused, or the clocks are apart.
        """
        tenant = self._target(tenant)
        user = user or tenant.admin
        self._client.transport.exchanges.add_secrets([password])
        kept = self._file(tenant, user, password)
        make_private_directory(kept.parent)
        with private_lock(kept.with_suffix(".lock")):
            remembered = self._recall(kept) or self._sign_in(tenant, user, password)
            write_private(kept, msgspec.json.encode(remembered))
        return Login(
            user=user,
            domain_id=tenant.domain_id,
            expires_at=remembered.expires_at,
            client=self._client.as_principal(remembered.token),
            token=remembered.token,
        )

    def _target(self, tenant: SignInTarget | str) -> SignInTarget:
        if isinstance(tenant, str):
            if self._by_slug is None:
                raise TypeError(f"pass a tenant instead of its slug {tenant!r}: the seeded tenants are not known here")
            return self._by_slug(tenant)
        if not all(hasattr(tenant, name) for name in ("domain_id", "binding_id", "admin")):
            raise TypeError(f"pass a tenant or the slug of a seeded one, not a {type(tenant).__name__}")
        return tenant

    def approve(
        self, verification_uri_complete: str, *, user: str = SEEDED_USER, password: str = SEEDED_PASSWORD
    ) -> None:
        """See :func:`approve`; the seeded user by default."""
        approve(self._client, verification_uri_complete, log=self._log, user=user, password=password)

    def _sign_in(self, tenant: SignInTarget, user: str, password: str) -> _Remembered:
        auth = self._client.auth
        device = auth.device_code(domain_id=tenant.domain_id, idp_binding_id=tenant.binding_id)
        browser = Browser(self._client.transport.base_url, user=user, password=password, log=self._log)
        try:
            # By the API rather than by the page, whose markup the contract does not promise.
            start = auth.sign_in(domain_id=tenant.domain_id, idp_binding_id=tenant.binding_id)
            browser.sign_in(start.authorization_url, cookies=start.cookies)
            browser.approve(device.user_code)
        finally:
            browser.close()
        # Approved before the first poll: no interval is waited out.
        token = DevicePoll(self._client).wait(device)
        return _Remembered(token.access_token, self._clock() + token.expires_in)

    def _recall(self, kept: Path) -> _Remembered | None:
        try:
            remembered = decode_as(read_private(kept), _Remembered)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return remembered if remembered.expires_at - self._clock() > RENEW_BEFORE else None

    def _file(self, tenant: SignInTarget, user: str, password: str) -> Path:
        # With the password: whoever gives a wrong one is refused, signed in before or not.
        key = "\n".join((self._client.transport.base_url, tenant.domain_id, tenant.binding_id, user, password))
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
