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
"""The ``commit`` in ``/v1/version`` of the reference control plane."""
TlsProbe: TypeAlias = Literal["trusted", "untrusted", "silent"]
"""The result of a TLS handshake. ``trusted``: the kubeconfig verifies the server's certificate. ``untrusted``: it does
not. ``silent``: no server, or no answer in time."""
_CONNECT_TIMEOUT_S: Final = 1.0
"""Time limit for a listener of this machine to accept."""
_RECOVERY_S: Final = 15.0
"""Time for the API to reconnect to a restarted dependency; an API that is degraded for longer is used as it is."""
_POLL_INTERVAL_S: Final = 0.02
"""Polling, because a listener behind a NodePort cannot be watched."""


def listens(port: int, *, patience: float) -> bool:
    """Whether a port of this machine accepts connections, within *patience* seconds."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=patience).close()
    except OSError:
        return False
    return True


def refuses(port: int) -> bool:
    """Whether a port of this machine refuses connections. A listener that is slow to accept does not."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def probe_tls(access: Access, *, patience: float) -> TlsProbe:
    """Do a TLS handshake with the API server of *access*. For plain HTTP, only check whether it listens.

    Args:
        patience: Time limit, seconds.

    Raises:
        PlexdevError: ``kubeconfig-unusable``: the certificates of *access* cannot be read.
    """
    host = urlsplit(access.server).hostname or ""
    try:
        with socket.create_connection((host, access.port), timeout=patience) as connection:
            if access.server.startswith("https:"):
                access.tls().wrap_socket(connection, server_hostname=host).close()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # Docker's forwarder accepted the connection, but nothing listens in the node.
        return "silent"
    except ssl.SSLError:
        return "untrusted"
    except OSError:
        return "silent"
    return "trusted"


def version(api: str, *, patience: float) -> Mapping[str, Any]:
    """The answer of ``/v1/version``.

    Raises:
        OSError: The request failed.
        ValueError: The answer is not the expected JSON.
    """
    answer = decode_json(_get(f"{api}/v1/version", patience=patience))
    if not isinstance(answer, dict) or "version" not in answer:
        raise ValueError("/v1/version has no version")
    return answer


def discovery(issuer: str, *, patience: float) -> Mapping[str, Any]:
    """The identity provider's discovery document.

    Raises:
        OSError: The request failed.
        ValueError: The answer is not the expected JSON, or another issuer's.
    """
    answer = decode_json(_get(f"{issuer}/.well-known/openid-configuration", patience=patience))
    if not isinstance(answer, dict) or answer.get("issuer") != issuer:
        raise ValueError(f"the discovery document at {issuer} is another issuer's")
    return answer


def wait_until_answering(api: str, issuer: str, *, deadline: float) -> Mapping[str, Any]:
    """Wait until the API and the identity provider answer. Returns the answer of ``/v1/version``.

    Args:
        deadline: A value of ``time.monotonic()``.

    Raises:
        OSError, ValueError: The error of the last attempt before the deadline.
    """

    def answers() -> Mapping[str, Any]:
        discovery(issuer, patience=5.0)
        return version(api, patience=5.0)

    return poll(
        answers,
        every_s=_POLL_INTERVAL_S,
        timeout_s=deadline - time.monotonic(),
        retry_on=lambda error: isinstance(error, (OSError, ValueError)),
    )


def wait_until_healthy(api: str, *, deadline: float) -> None:
    """Wait until ``/v1/health`` reports ``ok``: a restarted dependency is ready before the API has reconnected to it.

    Returns also after 15 s, because a degraded API is usable, and at once if the API does not report its health.

    Args:
        deadline: A value of ``time.monotonic()``.
    """
    timeout_s = min(deadline - time.monotonic(), _RECOVERY_S)
    poll(lambda: _health(api) in {"ok", None}, every_s=_POLL_INTERVAL_S, timeout_s=timeout_s)


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
    """Build ``api-silent``, the error for a stack whose host ports do not answer as expected."""
    reason = str(error) or type(error).__name__
    fix = "plexdev status; plexdev doctor"
    return PlexdevError(API_SILENT, name=name, url=addresses.api, reason=reason, fix=fix)
