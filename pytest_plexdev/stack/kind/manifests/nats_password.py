"""Protect the NATS of a stack with a password, by pure transformations of the rendered objects.

One Secret has the password, as a configuration file for the server and in a URL for the clients' environment. It is not
an argument, because every user of the machine can read command lines, and not in a ConfigMap, which is not
confidential.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import INGEST_NATS_URL, NATS_SECRET, NATS_URL

USER: Final = "plexsphere"
_SERVER: Final = "nats"
"""The name of the StatefulSet and of its container."""
_FILE: Final = "nats.conf"
_DIRECTORY: Final = "/etc/nats-credentials"
_VOLUME: Final = "credentials"
_GROUP_READS: Final = 0o440
"""Mode of the file. root owns it; the Pod's fsGroup gives it the server's group."""


def with_nats_password(objects: Sequence[KubeObject], password: str) -> list[KubeObject]:
    """Make the StatefulSet ``nats`` require *password*, and its clients send it.

    Args:
        password: A word of the characters ``A-Za-z0-9_-``.
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
    # NATS accepts JSON. Command line flags override the file, so everything else stays in the flags.
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
        pod = _with_containers(pod, _with_configuration)
        pod = {**pod, "volumes": [*(pod.get("volumes") or ()), volume]}
    else:
        pod = _with_containers(pod, lambda container: _with_url_from_secret(container, config))
    return {**item, "spec": {**item["spec"], "template": {**item["spec"]["template"], "spec": pod}}}


def _with_containers(pod: KubeObject, change: Callable[[KubeObject], KubeObject]) -> KubeObject:
    kinds = ("initContainers", "containers")
    return {**pod, **{kind: [change(each) for each in pod[kind]] for kind in kinds if kind in pod}}


def _with_configuration(container: KubeObject) -> KubeObject:
    if container["name"] != _SERVER:
        return container
    mount = {"name": _VOLUME, "mountPath": _DIRECTORY, "readOnly": True}
    return {
        **container,
        "args": [*(container.get("args") or ()), f"--config={_DIRECTORY}/{_FILE}"],
        "volumeMounts": [*(container.get("volumeMounts") or ()), mount],
    }


def _with_url_from_secret(container: KubeObject, config: KubeObject) -> KubeObject:
    """Take the URLs from the Secret, if the container has its environment from *config*."""
    name = config["metadata"]["name"]
    if not any((each.get("configMapRef") or {}).get("name") == name for each in container.get("envFrom") or ()):
        return container
    source = {"secretKeyRef": {"name": NATS_SECRET, "key": NATS_URL}}
    variables = [
        {"name": INGEST_NATS_URL, "valueFrom": source} if each["name"] == INGEST_NATS_URL else each
        for each in container.get("env") or ()
    ]
    return {**container, "env": [*variables, {"name": NATS_URL, "valueFrom": source}]}
