"""Enrolment on an API that lacks a part: a second API over the same database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.integration.plane.conftest import Plane, _listener, _running
from tests.integration.plane.enrolment import Site, new_site


@contextlib.contextmanager
def second_api(plane: Plane, directory: Path, **environment: str) -> Iterator[httpx.Client]:
    """An API whose environment differs; a variable that is empty is unset. The client has no credential."""
    listener = _listener()
    url = f"http://localhost:{listener.getsockname()[1]}"
    changed = {name: value for name, value in {**plane.environment, **environment}.items() if value}
    arguments = ["--listen", f"fd:{listener.fileno()}"]
    with (
        _running(directory, changed, "plexsphere_reference", "api", *arguments, listener=listener),
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def site(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(plane, acme, nobody)


def test_a_signer_that_does_not_answer_spends_no_token(site: Site, tmp_path: Path) -> None:
    token, handle = site.issue(), site.resource()

    with second_api(site.plane, tmp_path, PLEXSPHERE_SIGNER_ENDPOINT="127.0.0.1:1") as client:
        response = replace(site, nobody=client).register(token["token"], handle)

    assert (response.status_code, response.json()["code"]) == (503, "signing_unavailable")
    assert "consumed_at" not in site.metadata(token["token_id"])
    assert site.register(token["token"], handle).status_code == 201


def test_a_missing_variable_unwires_its_surfaces(site: Site, tmp_path: Path) -> None:
    node = site.node()

    with second_api(
        site.plane, tmp_path, PLEXSPHERE_SIGNER_ENDPOINT="", PLEXSPHERE_REACHABILITY_EVALUATOR=""
    ) as client:
        answers = [
            client.post("/v1/register"),
            replace(node, client=client).heartbeat(),
            replace(node, client=client).reachability(),
        ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (501, "register_not_provisioned"),
        (501, "heartbeat_not_provisioned"),
        (501, "reachability_not_provisioned"),
    ]
