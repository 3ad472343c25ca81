"""Parse the address of an API server as kubectl does (client-go, ``rest.DefaultServerURL``)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_PATH: Final = re.compile(r"[!-~]*")
_PORTS: Final = range(1, 65536)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def server_url(address: str, *, has_tls: bool) -> str:
    """Return the URL of an API server, without a trailing slash.

    Args:
        address: A URL, or ``host:port``.
        has_tls: Whether the kubeconfig has certificates. If so, the default scheme is HTTPS, otherwise HTTP.

    Raises:
        ValueError: *address* is neither a URL nor ``host:port``; the text says why.
    """
    parts = _split(address)
    if parts is None or not parts.scheme or not parts.netloc:
        parts = _split(f"{'https' if has_tls else 'http'}://{address}")
        if parts is None or parts.path not in {"", "/"}:
            raise ValueError("it is neither a URL nor host:port")
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"the scheme {parts.scheme} is neither http nor https")
    _check_host(parts.hostname or "")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("its path has characters that a URL does not have")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is not a number from 1 to 65535") from None
    if port is not None and port not in _PORTS:
        raise ValueError("its port is not a number from 1 to 65535")
    return parts._replace(query="", fragment="").geturl().rstrip("/")


def port_of(url: str) -> int:
    """The port of a URL that :func:`server_url` returned."""
    parts = urlsplit(url)
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def _split(address: str) -> SplitResult | None:
    # urlsplit would silently drop line breaks and tabs.
    if address != "".join(address.split()):
        return None
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _check_host(host: str) -> None:
    if _HOST_NAME.fullmatch(host):
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host or 'an empty name'} is not a host name") from None
