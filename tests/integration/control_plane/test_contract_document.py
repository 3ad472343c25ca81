"""Proof that the clients of this directory's tests check every answer against the product's OpenAPI document."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

import httpx
import jsonschema
import pytest

from tests.support.contract import BESIDE_THE_DOCUMENT, DECIDED, check_contract, contract

NO_STORE: Final = {"cache-control": "no-store"}
PAGE: Final = Path(__file__).parents[3] / "docs" / "explanation" / "reference-plane.md"
needs_the_document = pytest.mark.skipif(
    contract() is None,
    reason="../shared/contract/plexsphere-v1.yaml does not lie beside this checkout: no answer is held against it",
)


def codes_of(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", cell))


def test_the_page_lists_what_the_check_lets_pass() -> None:
    anywhere: dict[int, frozenset[str]] = {}
    single: defaultdict[tuple[str, int], frozenset[str]] = defaultdict(frozenset)
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdigit():
            anywhere[int(cells[0])] = codes_of(cells[1])
        elif len(cells) == 3 and cells[0].startswith("`"):
            single[cells[0].split("`")[1], int(cells[1])] |= codes_of(cells[2])

    assert anywhere == BESIDE_THE_DOCUMENT
    assert single == DECIDED


@needs_the_document
def test_an_answer_that_breaks_the_document_is_refused(nobody: httpx.Client) -> None:
    request = httpx.Request("GET", f"{nobody.base_url}/v1/version")
    answer = httpx.Response(200, json={"version": "1"}, headers=NO_STORE, request=request)

    with pytest.raises(jsonschema.ValidationError, match="'commit' is a required property"):
        check_contract(answer)


@needs_the_document
def test_a_status_that_the_document_does_not_have_is_refused(nobody: httpx.Client) -> None:
    request = httpx.Request("GET", f"{nobody.base_url}/v1/version")

    with pytest.raises(AssertionError):
        check_contract(httpx.Response(418, headers=NO_STORE, request=request))


@needs_the_document
@pytest.mark.parametrize(
    ("status", "code"), [(409, "conflict"), (413, "too_much"), (502, "idp_discovery_failed"), (503, "not_now")]
)
def test_only_the_codes_of_the_page_go_with_an_undeclared_status(status: int, code: str) -> None:
    request = httpx.Request("GET", "http://plane.test/v1/version")
    problem = {"type": "t", "title": "t", "status": status, "detail": "d", "instance": "/v1/version", "code": code}
    headers = {"content-type": "application/problem+json", **NO_STORE}

    with pytest.raises(AssertionError):
        check_contract(httpx.Response(status, json=problem, headers=headers, request=request))


@needs_the_document
def test_an_undeclared_status_of_the_page_passes() -> None:
    request = httpx.Request("GET", "http://plane.test/v1/version")
    code = "datastore_unavailable"
    problem = {"type": "t", "title": "t", "status": 503, "detail": "d", "instance": "/v1/version", "code": code}

    check_contract(
        httpx.Response(
            503, json=problem, headers={"content-type": "application/problem+json", **NO_STORE}, request=request
        )
    )
