"""Helpers of the tests of registrations."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.enrolment import Site


def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def untouched(site: Site, token: dict[str, Any]) -> bool:
    """Whether the token is not consumed."""
    return "consumed_at" not in site.metadata(token["token_id"])
