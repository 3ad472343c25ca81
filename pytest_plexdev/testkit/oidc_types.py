"""What a sign-in at the identity provider is done as, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_plexdev.core.people import CLIENT_ID, CLIENT_SECRET


@dataclass(frozen=True, kw_only=True)
class OidcClient:
    """A client that the identity provider knows.

    Attributes:
        redirect_uri: One of those that are registered for it.

    Example::

        def test_the_stack_has_a_client(plexdev_oidc):
            assert plexdev_oidc.client.id == "plexsphere-test"
    """

    id: str
    secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, kw_only=True)
class OidcTokens:
    """The tokens of a completed sign-in.

    Attributes:
        user: The name at the identity provider.
        claims: The validated claims of the ID token.
        expires_at: Unix time at which the access token expires, seconds.
        refresh_token: Empty without the scope ``offline_access``.

    Example::

        def test_a_token_is_for_the_client(plexdev_oidc):
            tokens = plexdev_oidc("member@example.com")
            assert tokens.claims["aud"] == plexdev_oidc.client.id
    """

    user: str
    claims: Mapping[str, Any]
    expires_at: float
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


def stack_client(api_url: str) -> OidcClient:
    """The client of every dev stack, which the seeded IdP bindings name."""
    return OidcClient(id=CLIENT_ID, secret=CLIENT_SECRET, redirect_uri=f"{api_url}/v1/auth/callback")
