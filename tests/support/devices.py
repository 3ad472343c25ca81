"""Requests of a device that signs in."""

from __future__ import annotations

from tests.support.control_plane import Plane


def expire(plane: Plane, flow: dict[str, str]) -> None:
    plane.sql(
        "UPDATE plexsphere.device_sessions SET expires_at = now() WHERE user_code = %s",
        flow["user_code"].replace("-", ""),
    )
