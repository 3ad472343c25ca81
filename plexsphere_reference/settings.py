"""Parse the PLEXSPHERE_* variables (listed in docs/reference/programs.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from plexsphere_reference.artifacts import s3 as artifacts

_SURFACE_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "artifacts": (*artifacts.VARIABLES, "PLEXSPHERE_CURSOR_KEY"),
    "auth": ("PLEXSPHERE_PUBLIC_URL",),
    "audit": ("PLEXSPHERE_CURSOR_KEY", "PLEXSPHERE_PSEUDONYM_KEY"),
    "bootstrap_tokens": ("PLEXSPHERE_CURSOR_KEY",),
    "domains": ("PLEXSPHERE_CURSOR_KEY",),
    "groups": ("PLEXSPHERE_CURSOR_KEY",),
    "heartbeat": ("PLEXSPHERE_REACHABILITY_EVALUATOR",),
    "identities": ("PLEXSPHERE_CURSOR_KEY", "PLEXSPHERE_PSEUDONYM_KEY"),
    "invitations": ("PLEXSPHERE_CURSOR_KEY", "PLEXSPHERE_PSEUDONYM_KEY"),
    "labels": ("PLEXSPHERE_CURSOR_KEY",),
    "nodes": ("PLEXSPHERE_CURSOR_KEY",),
    "observability_ingest": ("PLEXSPHERE_OBS_NATS_URL",),
    "projects": ("PLEXSPHERE_CURSOR_KEY",),
    "reachability": ("PLEXSPHERE_REACHABILITY_EVALUATOR",),
    "register": ("PLEXSPHERE_SIGNER_ENDPOINT",),
    "resources": ("PLEXSPHERE_CURSOR_KEY",),
}
_SHORTEST_KEY: Final = 16


class SettingsError(Exception):
    """A variable is missing or invalid; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parsed variables. The repr does not include secrets."""

    env: str = "dev"
    database_url: str = field(repr=False)
    public_url: str | None = None
    csrf_allowed_origins: frozenset[str] | None = None
    trust_proxy_headers: bool = False
    platform_device_login: bool = False
    cursor_key: bytes | None = field(default=None, repr=False)
    pseudonym_key: bytes | None = field(default=None, repr=False)
    nats_url: str | None = None
    obs_nats_url: str | None = field(default=None, repr=False)
    mimir_url: str | None = None
    loki_url: str | None = None
    spicedb_endpoint: str | None = None
    spicedb_preshared_key: str = field(default="", repr=False)
    signer_endpoint: str | None = None
    reachability_evaluator: bool = False
    openbao_url: str | None = None
    openbao_token: str = field(default="", repr=False)
    bucket: artifacts.Bucket | None = None
    """The bucket of the artifacts; None unless all four variables are set."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Parse the variables.

        Raises:
            SettingsError: A variable that every program needs is missing, or a value is invalid.
        """
        database_url = environment.get("PLEXSPHERE_DATABASE_URL")
        if not database_url:
            raise SettingsError("PLEXSPHERE_DATABASE_URL is not set; it takes a libpq URL")
        origins = environment.get("PLEXSPHERE_CSRF_ALLOWED_ORIGINS")
        public_url = environment.get("PLEXSPHERE_PUBLIC_URL")
        return cls(
            env=environment.get("PLEXSPHERE_ENV", "dev"),
            database_url=database_url,
            public_url=public_url.rstrip("/") if public_url else None,
            csrf_allowed_origins=frozenset(o.strip() for o in origins.split(",")) if origins else None,
            trust_proxy_headers=_flag(environment, "PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS"),
            platform_device_login=_flag(environment, "PLEXSPHERE_AUTH_PLATFORM_DEVICE_LOGIN"),
            cursor_key=_key(environment, "PLEXSPHERE_CURSOR_KEY"),
            pseudonym_key=_key(environment, "PLEXSPHERE_PSEUDONYM_KEY"),
            nats_url=_nats_url(environment, "PLEXSPHERE_NATS_URL"),
            obs_nats_url=_nats_url(environment, "PLEXSPHERE_OBS_NATS_URL"),
            mimir_url=_origin(environment, "PLEXSPHERE_MIMIR_URL"),
            loki_url=_origin(environment, "PLEXSPHERE_LOKI_URL"),
            spicedb_endpoint=environment.get("PLEXSPHERE_SPICEDB_ENDPOINT") or None,
            spicedb_preshared_key=environment.get("PLEXSPHERE_SPICEDB_PRESHARED_KEY", ""),
            signer_endpoint=environment.get("PLEXSPHERE_SIGNER_ENDPOINT") or None,
            reachability_evaluator=_flag(environment, "PLEXSPHERE_REACHABILITY_EVALUATOR"),
            openbao_url=environment.get("PLEXSPHERE_OPENBAO_URL") or None,
            openbao_token=environment.get("PLEXSPHERE_OPENBAO_TOKEN", ""),
            bucket=_bucket(environment),
            environment=dict(environment),
        )

    def missing_for(self, surface: str, *further: str) -> tuple[str, ...]:
        """Return the missing variables of ``surface``, and those of ``further``; empty if it is configured."""
        return tuple(name for name in (*_SURFACE_NEEDS.get(surface, ()), *further) if not self.environment.get(name))


def _bucket(environment: Mapping[str, str]) -> artifacts.Bucket | None:
    try:
        return artifacts.Bucket.read(environment)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _origin(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").rstrip("/") or None


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "false").lower()
    if value not in ("true", "false", ""):
        raise SettingsError(f"{name} is {value!r}; it takes true or false")
    return value == "true"


def _nats_url(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name)
    if not value:
        return None
    try:
        is_usable = urlsplit(value).hostname is not None and urlsplit(value).port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        # Without the value, which may have a password.
        raise SettingsError(f"{name} is no URL of a NATS server; it takes one such as nats://nats:4222")
    return value


def _key(environment: Mapping[str, str], name: str) -> bytes | None:
    value = environment.get(name)
    if not value:
        return None
    if len(value) < _SHORTEST_KEY:
        raise SettingsError(f"{name} is shorter than {_SHORTEST_KEY} characters")
    return value.encode()
