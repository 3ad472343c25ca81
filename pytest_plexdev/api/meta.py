"""``/v1/health`` and ``/v1/version``: the state and the version of the control plane."""

from __future__ import annotations

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.transport import Transport, decode

__tracebackhide__ = hides_its_frames


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: str
    detail: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The health of the control plane. ``status`` is ``ok``, ``degraded`` or ``down``."""

    status: str
    checks: list[HealthCheck] = []


class Version(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    commit: str
    date: str


class Meta:
    """The health and the version of the API. Both need no token."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def health(self) -> Health:
        """Read the health. The status 503 of ``down`` is not an error here."""
        return decode(self._transport.send("GET", "/v1/health"), Health)

    def version(self) -> Version:
        """Read the version."""
        return self._transport.request("GET", "/v1/version", Version)
