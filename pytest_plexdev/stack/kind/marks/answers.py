"""What a stack answers at its host ports, asked over plain HTTP without a client of our own."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT
from pytest_plexdev.stack.kind.settings import Addresses

REFERENCE_COMMIT: Final = "reference"
"""What the reference control plane says that it was built from."""
_COMES_BACK: Final = 15.0
"""Seconds that the API gets to reach a dependency that was just replaced; after that, degraded is what it is."""
_LOOK_AGAIN: Final = 0.02
"""Seconds between two questions: a listener behind a NodePort is nothing that can be watched."""


def listens(port: int, *, patience: float) -> bool:
    """Whether somebody accepts connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=patience).close()
    except OSError:
        return False
    return True


def version(api: str, *, patience: float) -> Mapping[str, Any]:
    """What ``/v1/version`` says.

    Raises:
        OSError, ValueError: It gave no such answer.
    """
    answer = json.loads(_get(f"{api}/v1/version", patience=patience))
    if not isinstance(answer, dict) or "version" not in answer:
        raise ValueError("/v1/version did not say a version")
    return answer


def discovery(issuer: str, *, patience: float) -> Mapping[str, Any]:
    """The identity provider's discovery document.

    Raises:
        OSError, ValueError: It gave no such answer, or is another issuer.
    """
    answer = json.loads(_get(f"{issuer}/.well-known/openid-configuration", patience=patience))
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
    while True:
        try:
            said = version(api, patience=5.0)
            discovery(issuer, patience=5.0)
        except (OSError, ValueError):
            if time.monotonic() > deadline:
                raise
        else:
            return said
        time.sleep(_LOOK_AGAIN)


def wait_until_whole(api: str, *, deadline: float) -> None:
    """Return once ``/v1/health`` says ``ok``: a dependency that rolled is ready before whoever uses it is back at it.

    An API that stays degraded is usable, so that is no error; neither is one that says nothing of its health.

    Args:
        deadline: Of ``time.monotonic()``.
    """
    until = min(deadline, time.monotonic() + _COMES_BACK)
    while _health(api) not in {"ok", None} and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN)


def _health(api: str) -> str | None:
    try:
        answer = json.loads(_get(f"{api}/v1/health", patience=5.0))
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
