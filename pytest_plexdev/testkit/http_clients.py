"""Open plain httpx clients that are signed in as whom a test asks for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_plexdev.api import Client
from pytest_plexdev.api.raw_http import open_async_client, open_client
from pytest_plexdev.testkit.tenancy import Tenants

if TYPE_CHECKING:
    import httpx


class HasClient(Protocol):
    """What has a typed client: a tenant, a login or a Node."""

    @property
    def client(self) -> Client: ...


Principal: TypeAlias = str | HasClient | Client | None
"""A seeded tenant's slug, what has a typed client, such a client, or ``None`` for anonymous requests."""


class HttpClients:
    """Opens httpx clients, which are closed after the test.

    Args:
        tenants: The seeded tenants.
        anonymous: The API without credentials.

    Example::

        from pytest_plexdev import assert_problem

        def test_a_node_may_not_list_domains(plexdev_http, plexdev_node):
            response = plexdev_http(plexdev_node).get("/v1/domains")
            assert_problem(response, 401, "unauthenticated")
    """

    def __init__(self, tenants: Tenants, anonymous: Client) -> None:
        self._tenants = tenants
        self._anonymous = anonymous
        self._open = contextlib.ExitStack()

    def __call__(self, principal: Principal) -> httpx.Client:
        """Open a client whose base URL is the API's. It sends the principal's token to the API, and nowhere else.

        Args:
            principal: A seeded tenant's slug; a tenant, a login or a Node; or ``None`` for anonymous requests. A tenant
                sends as its ``client`` does: a fresh one as the operator who created it.

        Raises:
            PlexdevError: ``unknown-name``: no seeded tenant has this slug; the errors of a sign-in.
        """
        return self._open.enter_context(open_client(client_of(principal, self._tenants, self._anonymous).transport))

    def close(self) -> None:
        """Close all clients."""
        self._open.close()

    def __repr__(self) -> str:
        return f"HttpClients({self._anonymous.transport.base_url!r})"


class AsyncHttpClients:
    """Opens asynchronous httpx clients. Close each in its event loop: ``async with plexdev_async_http(...) as http``.

    Args:
        tenants: The seeded tenants.
        anonymous: The API without credentials.

    Example::

        import asyncio

        def test_requests_at_the_same_time(plexdev_async_http):
            async def read_twice():
                async with plexdev_async_http("acme-corp") as http:
                    return await asyncio.gather(http.get("/v1/domains"), http.get("/v1/nodes"))

            assert [response.status_code for response in asyncio.run(read_twice())] == [200, 200]
    """

    def __init__(self, tenants: Tenants, anonymous: Client) -> None:
        self._tenants = tenants
        self._anonymous = anonymous

    def __call__(self, principal: Principal) -> httpx.AsyncClient:
        """Open a client whose base URL is the API's. It sends the principal's token to the API, and nowhere else.

        Args:
            principal: As for ``plexdev_http``.

        Raises:
            PlexdevError: ``unknown-name``: no seeded tenant has this slug; the errors of a sign-in.
        """
        return open_async_client(client_of(principal, self._tenants, self._anonymous).transport)

    def __repr__(self) -> str:
        return f"AsyncHttpClients({self._anonymous.transport.base_url!r})"


def client_of(principal: Principal, tenants: Tenants, anonymous: Client) -> Client:
    """Return the typed client that sends as *principal*.

    Raises:
        PlexdevError: ``unknown-name``: no seeded tenant has this slug; the errors of a sign-in.
    """
    if principal is None:
        return anonymous
    if isinstance(principal, Client):
        return principal
    return (tenants[principal] if isinstance(principal, str) else principal).client
