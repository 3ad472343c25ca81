"""Request bodies of ``/v1/admin/idp``, and their conversion to the settings of a binding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from plexsphere_reference.http.problems import Problem
from plexsphere_reference.rules import idp
from plexsphere_reference.rules.idp import InvalidJitPolicy
from plexsphere_reference.rules.tenancy import Invalid
from plexsphere_reference.store.idp_bindings import Settings


class CreateRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    domain_id: UUID
    issuer: str
    client_id: str
    client_secret_ref: str
    discovery_url: str
    jit_policy: str
    claim_mappings: dict[str, str] = {}
    required_acr: list[str] = []
    required_amr: list[str] = []
    alias: str = ""
    primary: bool = False


class PatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    discovery_url: str | UnsetType = UNSET
    claim_mappings: dict[str, str] | UnsetType = UNSET
    required_acr: list[str] | UnsetType = UNSET
    required_amr: list[str] | UnsetType = UNSET
    jit_policy: str | UnsetType = UNSET
    alias: str | UnsetType = UNSET
    primary: bool | UnsetType = UNSET


class StatusRequest(msgspec.Struct, forbid_unknown_fields=True):
    status: str


def settings_of(body: CreateRequest) -> Settings:
    """Return the settings of a new binding.

    Raises:
        Problem: 400 ``invalid_idp_binding`` or ``invalid_jit_policy``.
    """
    try:
        idp.check_url(body.issuer, what="issuer")
        idp.check_text(body.client_id, what="client_id")
        idp.check_text(body.client_secret_ref, what="client_secret_ref")
        return Settings(**{name: check(getattr(body, name)) for name, check in _CHECKS.items()})
    except Invalid as error:
        raise _invalid(error) from error


def patched(current: Settings, patch: PatchRequest) -> Settings:
    """Return the settings of a binding after a patch.

    Raises:
        Problem: 400 ``invalid_idp_binding`` or ``invalid_jit_policy``.
    """
    changes: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET
    }
    try:
        return replace(current, **{name: _CHECKS[name](value) for name, value in changes.items()})
    except Invalid as error:
        raise _invalid(error) from error


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "discovery_url": partial(idp.check_url, what="discovery_url"),
    "claim_mappings": idp.check_claim_mappings,
    "required_acr": partial(idp.check_assurances, what="required_acr"),
    "required_amr": partial(idp.check_assurances, what="required_amr"),
    "jit_policy": idp.check_jit_policy,
    "alias": idp.normal_alias,
    "primary": bool,
}


def _invalid(error: Invalid) -> Problem:
    policy = isinstance(error, InvalidJitPolicy)
    return Problem(400, "invalid_jit_policy" if policy else "invalid_idp_binding", str(error))
