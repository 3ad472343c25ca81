"""The credentials of one service, as data."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ServiceCredentials:
    """What a client of a service authenticates with.

    Attributes:
        user: The user name; for SeaweedFS the access key; empty if the service has no users, as OpenBao with its token.
        secret: The password, token or secret key.

    Example::

        import pytest

        @pytest.mark.plexdev_needs("openbao")
        def test_openbao_requires_a_token(plexdev_stack):
            assert plexdev_stack.credentials("openbao").secret
    """

    user: str = ""
    secret: str = field(repr=False)
