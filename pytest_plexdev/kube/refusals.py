"""Turn a refusal of the API server into a tagged error, which names the webhook, policy or quota behind it."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED, QUOTA_EXCEEDED, WEBHOOK_REFUSED
from pytest_plexdev.kube.resources import MUTATING_WEBHOOKS, RESOURCE_QUOTA, VALIDATING_WEBHOOKS

if TYPE_CHECKING:
    import httpx

    from pytest_plexdev.kube.client import KubeClient

_END_CHARACTERS: Final = 200
"""Characters shown of each end of a long message."""
_WEBHOOK: Final = re.compile(r'admission webhook "([^"]+)" denied|failed calling webhook "([^"]+)"')
_POLICY: Final = re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '([^']+)'")
_QUOTA: Final = re.compile(r"exceeded quota: ([^,\s]+)")


def refusal_error(client: KubeClient, response: httpx.Response, *, verb: str, target: str) -> PlexdevError:
    """Build the error for a request that the API server refused.

    Args:
        verb: What was requested, as in ``kubectl VERB``.
        target: Kind and name of the object, as in ``kubectl``.

    Returns:
        ``webhook-refused``, ``quota-exceeded`` or ``kube-refused``, the last with the refused fields as its detail.
    """
    status = _status(response)
    causes = (status.get("details") or {}).get("causes") or ()
    facts = {
        "verb": verb,
        "object": target,
        "reason": f"{response.status_code} {status.get('reason') or response.reason_phrase}",
        "message": _short(status.get("message") or response.text or "without a reason"),
    }
    if named := _named_refusal(client, status.get("message") or "", facts):
        return named
    explain = ("explain", target.split()[0].lower())
    return PlexdevError(
        KUBE_REFUSED,
        detail="\n".join(f"{cause.get('field', '?')}: {_short(cause.get('message', ''))}" for cause in causes),
        fix=client.command(*explain if verb == "apply" else ("get", "--raw", "/readyz")),
        **facts,
    )


def _status(response: httpx.Response) -> dict[str, Any]:
    try:
        status = decode_json(response.content)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _short(text: str) -> str:
    """Cut the middle of a long message: the server puts the whole refused value between the field and the reason."""
    return text if len(text) <= 2 * _END_CHARACTERS else f"{text[:_END_CHARACTERS]} … {text[-_END_CHARACTERS:]}"


def _named_refusal(client: KubeClient, text: str, facts: dict[str, str]) -> PlexdevError | None:
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
    """The configuration with that webhook, as ``kind/name``; ``None`` if none is found or listing is refused."""
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
