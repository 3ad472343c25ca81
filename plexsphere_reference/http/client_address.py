"""Determine the network address of a request's client."""

from __future__ import annotations

import ipaddress
from typing import Final

from starlette.requests import Request

_FORWARDED_FOR: Final = "x-forwarded-for"


def client_address(request: Request, *, trust_proxy: bool) -> str | None:
    """Return the client's address: the connection's peer, or the address that a trusted proxy reports.

    Args:
        trust_proxy: ``PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS``. A proxy appends its peer to
            ``X-Forwarded-For``, so only the last entry is used; clients can forge the others. An entry that is not an
            address is ignored.

    Returns:
        The address in canonical form; None if the server does not know its peer.
    """
    peer = request.client.host if request.client else None
    if not trust_proxy:
        return peer
    values = request.headers.getlist(_FORWARDED_FOR)
    last = values[-1].rpartition(",")[2].strip() if values else ""
    return _address(last) or peer


def _address(text: str) -> str | None:
    """Parse an address; proxies may add a port (``192.0.2.1:4711``, ``[2001:db8::1]:4711``)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
