"""Read the body of a failing readiness probe; the kubelet reports the status code only.

It is read through the API server, within a limit of time and bytes. Any failure to read it counts as no answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import POD, KubeObject
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules.conditions import one_line

_SECONDS: Final = 3.0
"""Time limit of all answers together; the control plane limits each of its own checks to 2.5 s."""
_BYTES: Final = 8192
_WIDTH: Final = 300
_MOST: Final = 4
"""Pods that are queried at most."""


def with_answers(client: KubeClient, cache: ObjectCache, found: Sequence[ObjectStatus]) -> list[ObjectStatus]:
    """Return the statuses; the reason of a running container whose probe fails includes the probe's answer."""
    deadline = time.monotonic() + _SECONDS
    answers: dict[tuple[Any, str | None], str] = {}
    explained = []
    for each in found:
        deepest = each.deepest
        key = (deepest.ref, deepest.container)
        if each.state != "ready" and deepest.actual == "running" and key not in answers and len(answers) < _MOST:
            answers[key] = _answer(client, cache.get(deepest.ref), deepest, deadline)
        explained.append(_with(each, answers[key]) if answers.get(key) else each)
    return explained


def _with(found: ObjectStatus, answer: str) -> ObjectStatus:
    if found.cause is not None:
        return replace(found, cause=_with(found.cause, answer))
    return replace(found, reason=f"{found.reason}; {answer}")


def _answer(client: KubeClient, pod: KubeObject | None, found: ObjectStatus, deadline: float) -> str:
    probe = _probe(pod, found.container) if pod is not None else None
    left = deadline - time.monotonic()
    if pod is None or probe is None or left <= 0:
        return ""
    scheme, port, path = probe
    name = f"{scheme}{pod['metadata']['name']}:{port}"
    body = client.proxied(POD.path(found.ref.namespace, name), path, seconds=left, most=_BYTES)
    text = _answer_text(body)
    return f"{path} answers: {text}" if text else ""


def _probe(pod: KubeObject, container: str | None) -> tuple[str, int, str] | None:
    """Scheme, port and path of a container's HTTP readiness probe."""
    containers: list[KubeObject] = pod["spec"].get("containers") or []
    spec = next((each for each in containers if each["name"] == container), KubeObject())
    probe = (spec.get("readinessProbe") or {}).get("httpGet")
    if not probe:
        return None
    named = {each.get("name"): each["containerPort"] for each in spec.get("ports") or ()}
    port = named.get(probe["port"], probe["port"])
    if not isinstance(port, int):
        return None
    return ("https:" if probe.get("scheme") == "HTTPS" else ""), port, probe.get("path") or "/"


def _answer_text(body: bytes) -> str:
    """Return the failing checks if the answer lists checks, else its beginning. Secrets are masked."""
    try:
        answer = decode_json(body)
    except ValueError:
        answer = None
    failing = list(_failing(answer)) if isinstance(answer, Mapping) else []
    if isinstance(answer, Mapping) and answer.get("kind") == "Status":
        # The API server's own answer: it did not reach the Pod.
        return ""
    return _short("; ".join(failing) or one_line(mask(body.decode("utf-8", "replace"))))


def _failing(answer: Mapping[str, Any]) -> Iterator[str]:
    probes = answer.get("probes")
    for each in probes if isinstance(probes, list) else ():
        if isinstance(each, Mapping) and not each.get("ok") and not each.get("informational"):
            yield one_line(mask(f"{each.get('name')}: {each.get('detail') or 'no answer'}"))


def _short(text: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in text)
    return printable if len(printable) <= _WIDTH else f"{printable[:_WIDTH]}…"
