"""The seed manifest that ``bootstrap`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec
import yaml

Profile: TypeAlias = Literal["lean", "full"]


class UnusableManifest(Exception):
    """The manifest cannot be read; the message says why."""


class Binding(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An IdP binding of a Domain.

    Attributes:
        client_secret_refs: By profile of the stack, what replaces ``client_secret_ref`` there.
    """

    id: UUID
    issuer: str
    discovery_url: str
    client_id: str
    client_secret_ref: str
    jit_policy: Literal["allow", "deny"]
    alias: str | None = None
    primary: bool = False
    client_secret_refs: dict[Profile, str] = {}


class Admin(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An admin and auditor of the Domain; ``external_subject`` is the ``sub`` at the IdP."""

    id: UUID
    external_subject: str
    email: str
    display_name: str


class DomainSeed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A Domain with its bindings and admins."""

    id: UUID
    slug: str
    name: str
    mesh_cidr: str
    idp_bindings: list[Binding]
    domain_admins: list[Admin]


class Operator(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A user, by Domain slug and subject, who may create Domains."""

    domain: str
    external_subject: str


class Manifest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The seed manifest."""

    version: int
    domains: list[DomainSeed]
    platform_operators: list[Operator] = []


def read_manifest(path: Path, *, profile: Profile | None) -> Manifest:
    """Read a manifest, with the client secret references of a profile.

    Args:
        profile: The profile of the stack; None: ``client_secret_ref`` of every binding.

    Raises:
        UnusableManifest: It cannot be read, or has another form.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        manifest = msgspec.convert(content, Manifest, strict=False)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise UnusableManifest(str(error)) from error
    for domain in manifest.domains:
        for binding in domain.idp_bindings:
            if profile is not None:
                binding.client_secret_ref = binding.client_secret_refs.get(profile, binding.client_secret_ref)
    return manifest
