"""Protect the NATS of a stack with a password: pure changes of rendered objects.

The server reads it from a configuration file and its clients from their environment, both from one Secret. It is no
argument and in no ConfigMap: every user of the machine reads command lines, and what may be shown has no secret in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import NATS_SECRET, NATS_URL

USER: Final = "plexsphere"
_SERVER: Final = "nats"
"""Name of the StatefulSet and of its container."""
_FILE: Final = "nats.conf"
_DIRECTORY: Final = "/etc/nats-credentials"
_VOLUME: Final = "credentials"
_GROUP_READS: Final = 0o440
"""The file is root's; the Pod's fsGroup makes its group that of the server."""


def with_nats_password(objects: Sequence[KubeObject], password: str) -> list[KubeObject]:
    """Let the StatefulSet ``nats`` accept *password* alone, and its clients send it.

    Args:
        password: One word of ``A-Za-z0-9_-``.
    """
    server = next((each for each in objects if _is_server(each)), None)
    if server is None:
        return list(objects)
    config = next(each for each in objects if NATS_URL in _data_of(each))
    secret = _secret(server, url=_with_user(_data_of(config)[NATS_URL], password), password=password)
    changed = [_without_url(each) if each is config else _with_password(each, config) for each in objects]
    return [*changed, secret]


def _is_server(item: KubeObject) -> bool:
    return bool(item["kind"] == "StatefulSet" and item["metadata"]["name"] == _SERVER)


def _data_of(item: KubeObject) -> KubeObject:
    return (item.get("data") or {}) if item["kind"] == "ConfigMap" else {}


def _secret(server: KubeObject, *, url: str, password: str) -> KubeObject:
    labels = {"app.kubernetes.io/name": _SERVER}
    namespace = {part: text for part, text in server["metadata"].items() if part == "namespace"}
    # The format of NATS takes JSON. Flags go before what the file says, so it says nothing else.
    configuration = {"authorization": {"user": USER, "password": password}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NATS_SECRET, **namespace, "labels": labels},
        "type": "Opaque",
        "stringData": {_FILE: json.dumps(configuration), NATS_URL: url},
    }


def _with_user(url: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{USER}:{password}@{parts.netloc}").geturl()


def _without_url(config: KubeObject) -> KubeObject:
    return {**config, "data": {name: text for name, text in config["data"].items() if name != NATS_URL}}


def _with_password(item: KubeObject, config: KubeObject) -> KubeObject:
    pod = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
    if "containers" not in pod:
        return item
    if _is_server(item):
        volume = {
            "name": _VOLUME,
            "secret": {
                "secretName": NATS_SECRET,
                "defaultMode": _GROUP_READS,
                "items": [{"key": _FILE, "path": _FILE}],
            },
        }
        pod = _with_containers(pod, _configured)
        pod = {**pod, "volumes": [*(pod.get("volumes") or ()), volume]}
    else:
        pod = _with_containers(pod, lambda container: _told(container, config))
    return {**item, "spec": {**item["spec"], "template": {**item["spec"]["template"], "spec": pod}}}


def _with_containers(pod: KubeObject, change: Callable[[KubeObject], KubeObject]) -> KubeObject:
    kinds = ("initContainers", "containers")
    return {**pod, **{kind: [change(each) for each in pod[kind]] for kind in kinds if kind in pod}}


def _configured(container: KubeObject) -> KubeObject:
    if container["name"] != _SERVER:
        return container
    mount = {"name": _VOLUME, "mountPath": _DIRECTORY, "readOnly": True}
    return {
        **container,
        "args": [*(container.get("args") or ()), f"--config={_DIRECTORY}/{_FILE}"],
        "volumeMounts": [*(container.get("volumeMounts") or ()), mount],
    }


def _told(container: KubeObject, config: KubeObject) -> KubeObject:
    """Take the URL from the Secret where the container takes its variables from *config*."""
    name = config["metadata"]["name"]
    if not any((each.get("configMapRef") or {}).get("name") == name for each in container.get("envFrom") or ()):
        return container
    source = {"secretKeyRef": {"name": NATS_SECRET, "key": NATS_URL}}
    return {**container, "env": [*(container.get("env") or ()), {"name": NATS_URL, "valueFrom": source}]}
