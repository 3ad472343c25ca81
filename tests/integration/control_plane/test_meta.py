from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from plexsphere_reference.http.app import operations
from tests.support.contract import contract


def test_health_lists_its_checks(nobody: httpx.Client) -> None:
    response = nobody.get("/v1/health")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert {check["name"]: check["status"] for check in response.json()["checks"]} == {
        "db-primary": "ok",
        "spicedb": "ok",
        "secretstore": "ok",
        "blobstore": "ok",
    }


def test_version(nobody: httpx.Client) -> None:
    response = nobody.get("/v1/version")

    assert response.status_code == 200
    assert set(response.json()) == {"version", "commit", "date"}


def test_the_document_names_what_is_built(nobody: httpx.Client) -> None:
    document = nobody.get("/v1/openapi.json").json()

    assert document["info"] == {"title": "plexsphere API", "version": "v1"}
    assert {"get", "post"} <= set(document["paths"]["/v1/domains"])


def test_the_document_is_valid_openapi(nobody: httpx.Client) -> None:
    document = nobody.get("/v1/openapi.json").json()

    OpenAPIV31SpecValidator(document).validate()


def test_the_document_has_each_operation_once_with_its_security(nobody: httpx.Client) -> None:
    document = nobody.get("/v1/openapi.json").json()
    found = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    built = {(each.method, each.path) for each in operations() if each.path.startswith("/v1/")}

    assert set(found) == built - {("GET", "/v1/device"), ("POST", "/v1/device")}
    assert len({each["operationId"] for each in found.values()}) == len(found)
    schemes = {scheme for each in found.values() for choice in each["security"] for scheme in choice}
    assert schemes == set(document["components"]["securitySchemes"])


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
def test_the_document_copies_no_text_of_the_products(nobody: httpx.Client) -> None:
    theirs = {text.strip() for text in texts(contract()) if len(text.split()) > 3}

    assert not theirs & {text.strip() for text in texts(nobody.get("/v1/openapi.json").json())}


def texts(node: object) -> Iterator[str]:
    """Every summary and description."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("summary", "description") and isinstance(value, str):
                yield value
            yield from texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)


def test_docs_load_nothing_from_elsewhere(nobody: httpx.Client) -> None:
    response = nobody.get("/v1/docs")

    assert response.headers["content-type"].startswith("text/html")
    assert "http://" not in response.text
    assert "https://" not in response.text
    assert nobody.get("/v1/docs/assets/redoc.js").status_code == 404


def test_probes_outside_v1(nobody: httpx.Client) -> None:
    assert nobody.get("/livez").status_code == 200
    assert nobody.get("/readyz").json()["status"] == "ready"
    assert "plexsphere_http_requests_total" in nobody.get("/metrics").text
