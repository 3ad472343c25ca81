"""``/v1/admin/idp``: the bindings of Domains to identity providers."""

from __future__ import annotations

import builtins
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class IdpBinding(msgspec.Struct, frozen=True, kw_only=True):
    """An IdP binding. ``client_secret_ref`` is a reference; the API never returns the secret itself."""

    id: str
    issuer: str
    client_id: str
    client_secret_ref: str
    discovery_url: str
    jit_policy: str
    status: str
    primary: bool
    created_at: Timestamp
    updated_at: Timestamp
    domain_id: str | None = None
    alias: str | None = None
    claim_mappings: dict[str, str] = {}
    required_acr: list[str] = []
    required_amr: list[str] = []


class IdpBindings:
    """The IdP bindings of Domains."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        domain_id: str,
        issuer: str,
        client_id: str,
        client_secret_ref: str,
        discovery_url: str,
        jit_policy: Literal["allow", "deny"] = "allow",
        alias: str | None = None,
        primary: bool | None = None,
        claim_mappings: dict[str, str] | None = None,
        required_acr: builtins.list[str] | None = None,
        required_amr: builtins.list[str] | None = None,
    ) -> IdpBinding:
        """Bind a Domain to an IdP. With *jit_policy* ``allow``, a first sign-in creates the Identity."""
        body = body_of(
            domain_id=domain_id,
            issuer=issuer,
            client_id=client_id,
            client_secret_ref=client_secret_ref,
            discovery_url=discovery_url,
            jit_policy=jit_policy,
            alias=alias,
            primary=primary,
            claim_mappings=claim_mappings,
            required_acr=required_acr,
            required_amr=required_amr,
        )
        return self._transport.request("POST", "/v1/admin/idp", IdpBinding, body=body)

    def list(self, *, domain_id: str | None = None) -> builtins.list[IdpBinding]:
        """List the bindings of a Domain, including inactive ones."""
        parameters = {"domain_id": domain_id}
        return self._transport.request("GET", "/v1/admin/idp", builtins.list[IdpBinding], parameters=parameters)

    def get(self, binding_id: str) -> IdpBinding:
        """Read a binding."""
        return self._transport.request("GET", f"/v1/admin/idp/{binding_id}", IdpBinding)

    def set_status(self, binding_id: str, status: Literal["active", "deactivated"]) -> IdpBinding:
        """Activate or deactivate a binding."""
        path = f"/v1/admin/idp/{binding_id}/status"
        return self._transport.request("PATCH", path, IdpBinding, body={"status": status})

    def delete(self, binding_id: str) -> None:
        """Deactivate a binding. It can still be read."""
        self._transport.run("DELETE", f"/v1/admin/idp/{binding_id}")
