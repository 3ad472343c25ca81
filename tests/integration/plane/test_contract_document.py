"""Every answer in this directory is held against the product's OpenAPI document: here it shows that it really is."""

from __future__ import annotations

import httpx
import jsonschema
import pytest

from tests.integration.plane.contract import check_contract, contract


@pytest.fixture(autouse=True)
def _the_document() -> None:
    if contract() is None:
        pytest.skip(
            "../shared/contract/plexsphere-v1.yaml does not lie beside this checkout: no answer is held against it"
        )


def test_an_answer_that_breaks_the_document_is_refused(nobody: httpx.Client) -> None:
    request = httpx.Request("GET", f"{nobody.base_url}/v1/version")
    answer = httpx.Response(200, json={"version": "1"}, request=request)

    with pytest.raises(jsonschema.ValidationError, match="'commit' is a required property"):
        check_contract(answer)


def test_a_status_that_the_document_does_not_have_is_refused(nobody: httpx.Client) -> None:
    request = httpx.Request("GET", f"{nobody.base_url}/v1/version")

    with pytest.raises(AssertionError):
        check_contract(httpx.Response(418, request=request))
