"""Validate a project's seed manifest before anything starts: the bootstrap would fail later and less clearly.

The five types from ``Binding`` to ``Manifest`` repeat those of ``plexsphere_reference.seed_manifest``, because the two
packages never import each other; ``tests/unit/harness/core/test_seed_manifest.py`` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

import msgspec

from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.errors import SEED_UNUSABLE, PlexdevError

if TYPE_CHECKING:
    import yaml

_PLACE: Final = re.compile(r"(.*) - at `\$(.*)`")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class Binding(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An IdP binding of a Domain; ``client_secret_refs`` replaces ``client_secret_ref`` by profile of the stack."""

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
    """A user who is admin and auditor of the Domain."""

    id: UUID
    external_subject: str
    email: str
    display_name: str


class DomainSeed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A Domain and what belongs to it."""

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
    """The manifest of the reference plane's bootstrap."""

    version: int
    domains: list[DomainSeed]
    platform_operators: list[Operator] = []


class _AnyAdmin(msgspec.Struct):
    external_subject: str
    email: str


class _AnyDomain(msgspec.Struct):
    slug: str
    domain_admins: list[_AnyAdmin] | None = None


class _AnyOperator(msgspec.Struct):
    domain: str
    external_subject: str


class _AnyManifest(msgspec.Struct):
    """The part of any control plane's manifest that ``seeded_domains.with_people_of`` reads. It ignores others."""

    domains: list[_AnyDomain]
    platform_operators: list[_AnyOperator] | None = None


def check_seed(path: Path, *, source: str, for_reference_plane: bool) -> None:
    """Check that a seed manifest can be used.

    Args:
        source: The hook or option that names it, as printed.
        for_reference_plane: Whether the reference plane's bootstrap reads it.

    Raises:
        PlexdevError: ``seed-unusable``, with the line if one is known.
    """
    reason = _flaw(path, Manifest if for_reference_plane else _AnyManifest)
    if reason is not None:
        raise seed_unusable(path, reason, source=source)


def seed_unusable(path: object, reason: str, *, source: str) -> PlexdevError:
    """Build the error for a seed manifest that cannot be used."""
    return PlexdevError(SEED_UNUSABLE, path=path, reason=reason, source=source, example=seed_file())


def _flaw(path: Path, form: type[msgspec.Struct]) -> str | None:
    import yaml

    try:
        if path.exists() and not path.is_file():
            return "it is not a regular file, and it is read more than once"
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 (byte {error.start})"
    except OSError as error:
        return error.strerror or str(error)
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        content = load_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        return f"{line}it is not YAML: {error.problem}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return f"it is not YAML: {error}"
    if root is None:
        return "it is empty"
    try:
        manifest = msgspec.convert(content, form, strict=False)
    except msgspec.ValidationError as error:
        return _in_words(str(error), root)
    return next(_contradictions(manifest), None) if isinstance(manifest, Manifest) else None


def _contradictions(manifest: Manifest) -> Iterator[str]:
    """Contradictions that the types allow, but the database or the bootstrap does not."""
    domains = manifest.domains
    yield from _twice("slug", [domain.slug for domain in domains])
    yield from _twice("id of a Domain", [domain.id for domain in domains])
    yield from _twice("id of an IdP binding", [each.id for domain in domains for each in domain.idp_bindings])
    yield from _twice("id of an admin", [each.id for domain in domains for each in domain.domain_admins])
    networks: dict[str, IPv4Network | IPv6Network] = {}
    for domain in domains:
        try:
            networks[domain.slug] = ip_network(domain.mesh_cidr)
        except ValueError as error:
            yield f"mesh_cidr of {domain.slug}: {error}"
    for (slug, network), (other, others) in combinations(networks.items(), 2):
        if network.version == others.version and network.overlaps(others):
            yield f"mesh_cidr of {slug} and of {other} overlap: {network}, {others}"
    people = {(domain.slug, admin.external_subject) for domain in domains for admin in domain.domain_admins}
    for operator in manifest.platform_operators:
        if (operator.domain, operator.external_subject) not in people:
            yield f"platform_operators names {operator.external_subject} of {operator.domain}, who is not seeded"


def _twice(what: str, values: Sequence[object]) -> Iterator[str]:
    for value in dict.fromkeys(values):
        if values.count(value) > 1:
            yield f"the {what} {value} occurs {values.count(value)} times"


def _in_words(message: str, root: yaml.Node) -> str:
    """Add to msgspec's message the line of the innermost existing part of its path."""
    found = _PLACE.fullmatch(message)
    problem, place = (found[1], found[2]) if found else (message, "")
    node = root
    for name, number in _STEP.findall(place):
        inner = _inside(node, name, number)
        if inner is None:
            break
        node = inner
    where = f" in {place.lstrip('.')}" if place else ""
    return f"line {node.start_mark.line + 1}: {problem[0].lower()}{problem[1:]}{where}"


def _inside(node: yaml.Node, name: str, number: str) -> yaml.Node | None:
    if number:
        values = node.value if isinstance(node.value, list) else []
        return values[int(number)] if int(number) < len(values) else None
    pairs = node.value if isinstance(node.value, list) else []
    return next((pair[1] for pair in pairs if isinstance(pair, tuple) and pair[0].value == name), None)
