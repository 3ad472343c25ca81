"""Rules of IdP bindings: URLs, aliases, the policies of a sign-in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from plexsphere_reference.rules.tenancy import Invalid

_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""The characters of a URL (RFC 3986 §2). Browsers treat others inconsistently, for example a backslash."""
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_NO_KEBAB: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_URL: Final = 2048
_LONGEST_TEXT: Final = 4096
_LONGEST_ALIAS: Final = 64
_MOST_ASSURANCES: Final = 16


class InvalidJitPolicy(Invalid):
    """The policy is neither ``allow`` nor ``deny``."""


def check_url(url: str, *, what: str) -> str:
    """Return *url* if :func:`is_web_url` accepts it."""
    if not is_web_url(url):
        raise Invalid(f"{what} must be an absolute http or https URL, without user name, password and fragment")
    return url


def is_web_url(text: str) -> bool:
    """Return whether *text* is an absolute ``http`` or ``https`` URL that every client parses the same way.

    It has a host, neither user information nor a fragment, and no character that a URL cannot have.
    """
    if len(text) > _LONGEST_URL or not _URL.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        # Reading the port parses it.
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return False
    return usable and "@" not in parts.netloc and not parts.fragment and _is_host(parts.netloc, parts.hostname or "")


def _is_host(netloc: str, host: str) -> bool:
    if not netloc.startswith("["):
        return _HOST.fullmatch(host) is not None
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def check_text(text: str, *, what: str) -> str:
    if not text.strip() or len(text) > _LONGEST_TEXT:
        raise Invalid(f"{what} must have 1 to {_LONGEST_TEXT} characters and not be blank")
    return text


def check_jit_policy(policy: str) -> str:
    if policy not in ("allow", "deny"):
        raise InvalidJitPolicy("jit_policy must be allow or deny")
    return policy


def check_assurances(values: Sequence[str], *, what: str) -> list[str]:
    """Check the ACR or AMR values that a sign-in requires."""
    if len(values) > _MOST_ASSURANCES or not all(value.strip() for value in values):
        raise Invalid(f"{what} takes at most {_MOST_ASSURANCES} values, none of them blank")
    return list(values)


def check_claim_mappings(mappings: Mapping[str, str]) -> dict[str, str]:
    """Check the mapping from fields of a user to claims of the IdP."""
    if not all(ours.strip() and theirs.strip() for ours, theirs in mappings.items()):
        raise Invalid("claim_mappings must not have blank names")
    return dict(mappings)


def normal_alias(alias: str) -> str | None:
    """Convert an alias to lowercase kebab-case (``My IdP`` to ``my-idp``); an empty one to None."""
    if not alias:
        return None
    kebab = _NO_KEBAB.sub("-", alias.lower()).strip("-")
    if not kebab or len(kebab) > _LONGEST_ALIAS:
        raise Invalid(f"alias must leave 1 to {_LONGEST_ALIAS} lowercase letters, digits and dashes")
    return kebab
