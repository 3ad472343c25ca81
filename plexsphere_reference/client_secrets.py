"""Resolve the ``client_secret_ref`` of an IdP binding: an environment variable, or a secret in OpenBao."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from plexsphere_reference.openbao import OpenBao, Secret
from plexsphere_reference.rules.secret_references import (
    ENVIRONMENT,
    OPENBAO,
    environment_reference,
    openbao_reference,
)
from plexsphere_reference.rules.sign_in import Binding
from plexsphere_reference.settings import Settings


class SecretWithheld(Exception):
    """The reference resolves to no secret that this binding may use; the message says why, for the log."""


class SecretStore(Protocol):
    """Where ``openbao:`` references are read."""

    async def read(self, path: str) -> Secret | None:
        """Return the current version, ``None`` if there is none."""


class ClientSecrets:
    """Resolves references. Nothing is cached.

    Args:
        environment: The variables of this process.
        store: None if OpenBao is not configured.
    """

    def __init__(self, environment: Mapping[str, str], store: SecretStore | None) -> None:
        self._environment = environment
        self._store = store

    @classmethod
    def of(cls, settings: Settings, openbao: OpenBao | None) -> ClientSecrets:
        """The references of a process with these settings."""
        return cls(settings.environment, openbao)

    def permits(self, reference: str, *, domain_id: UUID, discovery_url: str) -> bool:
        """Return whether a binding of this Domain may be created with both.

        An ``openbao:`` reference must be below the Domain's own path; whether there is such a secret is not asked. An
        ``env:`` reference must resolve. References of other schemes are stored, and never resolve.
        """
        if reference.startswith(OPENBAO):
            return openbao_reference(reference, domain_id=domain_id) is not None
        if reference.startswith(ENVIRONMENT):
            return self._variable(reference, discovery_url=discovery_url) is not None
        return True

    async def resolve(self, binding: Binding) -> str:
        """Return the client secret that is sent to the binding's identity provider.

        Raises:
            SecretWithheld: The reference names no secret that is meant for this binding.
            OpenBaoUnavailable: OpenBao does not answer or refuses.
        """
        if binding.client_secret_ref.startswith(OPENBAO):
            return await self._stored(binding)
        secret = self._variable(binding.client_secret_ref, discovery_url=binding.discovery_url)
        if secret is None:
            raise SecretWithheld(
                "PLEXSPHERE_<NAME>_DISCOVERY_URL is not the binding's discovery_url, or there is no such secret"
            )
        return secret

    def _variable(self, reference: str, *, discovery_url: str) -> str | None:
        """Return the variable's value, but only for the discovery URL that is paired with it.

        Otherwise the creator of a binding could have a variable of this process sent to their own identity provider.
        """
        named = environment_reference(reference)
        if named is None or self._environment.get(named.discovery_url_variable) != discovery_url:
            return None
        return self._environment.get(named.variable) or None

    async def _stored(self, binding: Binding) -> str:
        named = openbao_reference(binding.client_secret_ref, domain_id=binding.domain_id)
        if named is None:
            raise SecretWithheld(f"it is not of the form openbao:domains/{binding.domain_id}/<path>#<key>")
        if self._store is None:
            raise SecretWithheld(f"{' and '.join(self._unset())} is not set")
        secret = await self._store.read(named.path)
        if secret is None:
            raise SecretWithheld("OpenBao has no secret at this path")
        value = secret.values.get(named.key)
        if not isinstance(value, str) or not value:
            raise SecretWithheld("the secret in OpenBao has no such key with a text as its value")
        return value

    def _unset(self) -> list[str]:
        names = ("PLEXSPHERE_OPENBAO_URL", "PLEXSPHERE_OPENBAO_TOKEN")
        return [name for name in names if not self._environment.get(name)]
