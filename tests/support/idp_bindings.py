"""Helpers of the tests of IdP bindings."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from tests.support.actors import (
    binding_of,
)

PATH = "/v1/admin/idp"


def new_binding(client: httpx.Client, domain: str, **members: object) -> dict[str, Any]:
    created = client.post(PATH, json={**binding_of(domain), **members})
    assert created.status_code == 201, created.text
    binding: dict[str, Any] = created.json()
    return binding


def issuer() -> str:
    return f"https://{uuid.uuid4()}.example.com"
