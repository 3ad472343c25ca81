"""A sign-in at an identity provider that is broken or hostile."""

from __future__ import annotations

import httpx

from tests.support.browsing import problem

CANNOT_BE_USED = "the identity provider of this IdP binding cannot be used; the log says why"


def refused(response: httpx.Response, kind: str) -> None:
    assert problem(response) == (502, kind), response.text
    assert response.json()["detail"] == CANNOT_BE_USED
