"""Enrolment on an API that lacks a part: a second API over the same database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.enrolment import Site
from tests.support.second_api import second_api


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
