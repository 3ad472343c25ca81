"""The TLS contexts of HTTP clients, one of each kind per process."""

from __future__ import annotations

import ssl
from functools import cache


def ssl_context(url: str) -> ssl.SSLContext:
    """The TLS context for *url*, one per process. For plain HTTP it loads no certificates, to save time."""
    return _default_context() if url.startswith("https:") else _empty_context()


@cache
def _default_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _empty_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
