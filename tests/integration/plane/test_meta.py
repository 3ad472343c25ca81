from __future__ import annotations

import httpx


def test_health_lists_its_checks(nobody: httpx.Client) -> None:
    response = nobody.get("/v1/health")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert {check["name"]: check["status"] for check in response.json()["checks"]} == {
        "db-primary": "ok",
        "spicedb": "ok",
    }


def test_version(nobody: httpx.Client) -> None:
    response = nobody.get("/v1/version")

    assert response.status_code == 200
    assert set(response.json()) == {"version", "commit", "date"}


def test_the_document_names_what_is_built(nobody: httpx.Client) -> None:
    document = nobody.get("/v1/openapi.json").json()

    assert document["info"] == {"title": "plexsphere API", "version": "v1"}
    assert {"get", "post"} <= set(document["paths"]["/v1/domains"])


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
