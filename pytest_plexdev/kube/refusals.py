"""Name the webhook, policy or quota that made the API server refuse a request."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import QUOTA_EXCEEDED, WEBHOOK_REFUSED
from pytest_plexdev.kube.resources import MUTATING_WEBHOOKS, RESOURCE_QUOTA, VALIDATING_WEBHOOKS

if TYPE_CHECKING:
    from pytest_plexdev.kube.client import KubeClient

_WEBHOOK: Final = re.compile(r'admission webhook "([^"]+)" denied|failed calling webhook "([^"]+)"')
_POLICY: Final = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '([^']+)'")
_QUOTA: Final = re.compile(r"exceeded quota: ([^,\s]+)")


def named_refusal(client: KubeClient, text: str, **facts: str) -> PlexdevError | None:
    """The error for a refusal that names its author.

    Args:
        client: Of the cluster; it is asked which configuration has the webhook.
        text: The whole message of the API server.
        facts: ``verb``, ``object``, ``reason``, ``message``.

    Returns:
        ``webhook-refused`` or ``quota-exceeded``; ``None`` for any other refusal.
    """
    if found := _WEBHOOK.search(text):
        return _webhook(client, found[1] or found[2], facts)
    if found := _POLICY.search(text):
        command = client.command("delete", "validatingadmissionpolicybinding", found[2])
        fix = f"if this cluster does not need it: {command}"
        return PlexdevError(WEBHOOK_REFUSED, webhook=f"the validatingadmissionpolicy {found[1]}", fix=fix, **facts)
    if found := _QUOTA.search(text):
        return PlexdevError(QUOTA_EXCEEDED, quota=found[1], fix=_raise_quota(client, found[1]), **facts)
    return None


def _webhook(client: KubeClient, webhook: str, facts: dict[str, str]) -> PlexdevError:
    configuration = _configuration_of(client, webhook)
    kinds = f"{VALIDATING_WEBHOOKS.plural},{MUTATING_WEBHOOKS.plural}"
    if configuration is None:
        name, fix = f"the webhook {webhook}", client.command("get", kinds)
    else:
        name = f"the webhook {webhook} ({configuration})"
        fix = f"if this cluster does not need it: {client.command('delete', configuration)}"
    return PlexdevError(WEBHOOK_REFUSED, webhook=name, fix=fix, **facts)


def _configuration_of(client: KubeClient, webhook: str) -> str | None:
    """``validatingwebhookconfiguration/name``, where we may look."""
    for resource in (VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS):
        with contextlib.suppress(PlexdevError):
            for item in client.list(resource)["items"]:
                if any(each["name"] == webhook for each in item.get("webhooks") or ()):
                    return f"{resource.kind.lower()}/{item['metadata']['name']}"
    return None


def _raise_quota(client: KubeClient, quota: str) -> str:
    # The refusal names the quota and not its namespace.
    namespaces = [client.access.namespace]
    with contextlib.suppress(PlexdevError):
        items = client.list(RESOURCE_QUOTA, fields=f"metadata.name={quota}")["items"]
        namespaces = [item["metadata"]["namespace"] for item in items] or namespaces
    return client.command("edit", "resourcequota", quota, "-n", namespaces[0])
