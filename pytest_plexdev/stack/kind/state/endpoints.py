"""Query a stack's host ports over plain HTTP."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT
from pytest_plexdev.stack.kind.settings import Addresses

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access

REFERENCE_COMMIT: Final = "reference"
"""What the reference control plane says that it was built from."""
Greeting: TypeAlias = Literal["trusted", "stranger", "silent"]
"""Its certificate is what the kubeconfig says; it is another; it does not answer in time, or nobody is there."""
_CONNECTS: Final = 1.0
"""Seconds in which a listener of this machine accepts."""
_COMES_BACK_S: Final = 15.0
"""Seconds that the API gets to reach a dependency that was just replaced; after that, degraded is what it is."""
_LOOK_AGAIN_S: Final = 0.02
"""Seconds between two questions: a listener behind a NodePort is nothing that can be watched."""


def listens(port: int, *, patience: float) -> bool:
    """Whether somebody accepts connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=patience).close()
    except OSError:
        return False
    return True


def refuses(port: int) -> bool:
    """Whether nobody listens at a port of this machine; one that is slow to take a connection is not refusing it."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CONNECTS).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def greet(access: Access, *, patience: float) -> Greeting:
    """How the API server of *access* answers a TLS handshake; of one without TLS only whether it listens.

    Raises:
        PlexdevError: ``kubeconfig-unusable``: its certificates cannot be read.
    """
    host = urlsplit(access.server).hostname or ""
    try:
        with socket.create_connection((host, access.port), timeout=patience) as connection:
            if access.server.startswith("https:"):
                access.tls().wrap_socket(connection, server_hostname=host).close()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # Docker's forwarder took the connection and found nobody in the node.
        return "silent"
    except ssl.SSLError:
        return "stranger"
    except OSError:
        return "silent"
    return "trusted"


def version(api: str, *, patience: float) -> Mapping[str, Any]:
    """What ``/v1/version`` says.

    Raises:
        OSError, ValueError: It gave no such answer.
    """
    answer = decode_json(_get(f"{api}/v1/version", patience=patience))
    if not isinstance(answer, dict) or "version" not in answer:
        raise ValueError("/v1/version has no version")
    return answer


def discovery(issuer: str, *, patience: float) -> Mapping[str, Any]:
    """The identity provider's discovery document.

    Raises:
        OSError, ValueError: It gave no such answer, or is another issuer.
    """
    answer = decode_json(_get(f"{issuer}/.well-known/openid-configuration", patience=patience))
    if not isinstance(answer, dict) or answer.get("issuer") != issuer:
        raise ValueError(f"the discovery document at {issuer} is another issuer's")
    return answer


def wait_until_answering(api: str, issuer: str, *, deadline: float) -> Mapping[str, Any]:
    """What the API says that it is, once both give the answers that they should.

    Args:
        deadline: Of ``time.monotonic()``.

    Raises:
        OSError, ValueError: What the last question ended with, when the time is up.
    """

    def answers() -> Mapping[str, Any]:
        discovery(issuer, patience=5.0)
        return version(api, patience=5.0)

    return poll(
        answers,
        every_s=_LOOK_AGAIN_S,
        timeout_s=deadline - time.monotonic(),
        retry_on=lambda error: isinstance(error, (OSError, ValueError)),
    )


def wait_until_whole(api: str, *, deadline: float) -> None:
    """Return once ``/v1/health`` says ``ok``: a dependency that rolled is ready before whoever uses it is back at it.

    An API that stays degraded is usable, so that is no error; neither is one that says nothing of its health.

    Args:
        deadline: Of ``time.monotonic()``.
    """
    timeout_s = min(deadline - time.monotonic(), _COMES_BACK_S)
    poll(lambda: _health(api) in {"ok", None}, every_s=_LOOK_AGAIN_S, timeout_s=timeout_s)


def _health(api: str) -> str | None:
    try:
        answer = decode_json(_get(f"{api}/v1/health", patience=5.0))
    except (OSError, ValueError):
        return None
    return answer.get("status") if isinstance(answer, dict) else None


def _get(url: str, *, patience: float) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=patience)
    try:
        connection.request("GET", parts.path, headers={"Host": parts.netloc, "Accept": "application/json"})
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise OSError(f"{url} answered {response.status}")
    return body


def api_silent(name: str, addresses: Addresses, error: Exception) -> PlexdevError:
    """The error for a stack whose host ports do not answer as they should."""
    reason = str(error) or type(error).__name__
    fix = "plexdev status; plexdev doctor"
    return PlexdevError(API_SILENT, name=name, url=addresses.api, reason=reason, fix=fix)
