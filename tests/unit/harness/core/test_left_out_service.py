"""The error for a service that a stack lacks names only commands that add it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.left_out_service import service_left_out
from pytest_plexdev.core.model import Endpoints, Profile, StackInfo

EMBEDDED = StackInfo(
    provider="toy",
    id="run",
    directory=Path("/run"),
    endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2/dex"),
    started_at=0.0,
    services=(),
)


@pytest.mark.parametrize(
    ("profile", "why"),
    [("lean", "its profile is lean"), ("full", "it acts on objects of a cluster, and this stack has none")],
)
def test_an_operator_needs_a_cluster(profile: Profile, why: str) -> None:
    error = service_left_out(replace(EMBEDDED, profile=profile), ["external-secrets"])

    assert error.what == "the stack has no external-secrets"
    assert error.why == why
    assert error.fix == (
        "pytest --plexdev-stack=kind --plexdev-profile=full; for --dev-stack: plexdev up --stack kind --profile full"
    )


def test_a_server_can_be_put_on_the_path() -> None:
    fix = service_left_out(EMBEDDED, ["loki"]).fix

    assert "without a cluster: put loki on PATH and pytest --plexdev-profile=full" in fix
