"""The operations that need no credential: the plane's declarations agree with the product's document.

The product has two middlewares with a bypass list each. Here one declaration of an operation serves both authentication
and the CSRF rules, so only that declaration and the document can differ.
"""

from __future__ import annotations

import pytest

from plexsphere_reference.http.app import operations
from tests.support.contract import contract

OF_PEOPLE = {
    ("DELETE", "/v1/auth/whoami"),
    ("POST", "/v1/auth/sign-out/global"),
    ("POST", "/v1/auth/device/approve"),
}
"""No bypass: they require a session, because a token is not a person (docs/explanation/contract-decisions.md)."""
NOT_BUILT = {("POST", "/v1/auth/service/token")}


def test_what_is_public_is_what_the_document_opens() -> None:
    document = contract()
    if document is None:
        pytest.skip("../shared/contract/plexsphere-v1.yaml does not lie beside this checkout")
    declared = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    }
    opened = {key for key, operation in declared.items() if operation.get("security") == []}
    public = {(each.method, each.path) for each in operations() if each.access == "public"}

    assert public & declared.keys() == (opened - NOT_BUILT) | OF_PEOPLE
    assert {path for _, path in public - declared.keys()} == {"/", "/livez", "/metrics", "/readyz", "/v1/device"}
