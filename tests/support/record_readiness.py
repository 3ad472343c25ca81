"""Record the objects that a real cluster sends about :mod:`tests.support.workloads`, for the tests of the rules.

    python -m tests.support.record_readiness KUBECONFIG CONTEXT [CASE...]

The cases of :mod:`tests.support.secret_stores` need External Secrets, and OpenBao in the namespace ``default``.

A recording has one line per received object, in order, reduced to the members that rules use.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.kube.resources import NAMESPACE
from pytest_plexdev.readiness import ObjectCache, refs_of
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.watch import Watch
from pytest_plexdev.readiness.watched_kinds import scopes_of
from tests.support.recordings import RECORDED
from tests.support.secret_stores import CASES
from tests.support.workloads import DOOMED, OTHERS

_META = (
    "name",
    "namespace",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_REVISION = "deployment.kubernetes.io/revision"
_WHOLE = ("SecretStore", "ExternalSecret")
_NOISE = (
    "containerID",
    "imageID",
    "managedFields",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "user",
    "resources",
    "volumeMounts",
)


class Recorder(ObjectCache):
    """A cache that records what is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []

    def put(self, ref: ObjectRef, item: dict[str, Any]) -> None:
        super().put(ref, item)
        short = _short(ref.kind, item)
        if not self.told or short not in self.told:
            self.told.append(short)


def record(client: KubeClient, case: str, items: Sequence[dict[str, Any]], seconds: float) -> None:
    """Apply the objects in a new namespace, and record what the server sends in *seconds* seconds."""
    namespace = f"record-{secrets.token_hex(3)}"
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    items = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in items]
    cache = Recorder()

    async def follow() -> None:
        async with client.stream() as http, asyncio.timeout(seconds):
            watch = Watch(client, http, cache, scopes_of(refs_of(items)))
            running = asyncio.ensure_future(watch.run())
            while not watch.is_whole:
                await watch.changed.wait()
                watch.changed.clear()
            for each in items:
                client.apply(each)
            await running

    try:
        asyncio.run(follow())
    except TimeoutError:
        pass
    finally:
        client.delete(NAMESPACE, namespace)
    lines = [json.dumps(each, sort_keys=True).replace(namespace, "default") for each in cache.told]
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{case}.jsonl").write_text("\n".join(lines) + "\n")


def _short(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    meta = {name: item["metadata"][name] for name in _META if name in item["metadata"]}
    if revision := (item["metadata"].get("annotations") or {}).get(_REVISION):
        meta["annotations"] = {_REVISION: revision}
    owners = meta.get("ownerReferences")
    if owners:
        meta["ownerReferences"] = [{name: each[name] for name in ("kind", "name", "uid")} for each in owners]
    short: dict[str, Any] = {"kind": kind, "metadata": meta}
    if kind == "Event":
        named = ("type", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "eventTime", "involvedObject")
        return {**short, **{name: item[name] for name in named if item.get(name)}}
    if kind == "ReplicaSet":
        return short
    spec = item["spec"]
    if kind in _WHOLE:
        return {**short, "spec": spec, "status": item.get("status", {})}
    if kind == "Pod":
        kept = ("name", "image", "restartPolicy", "readinessProbe")
        spec = {
            member: [{**{name: one[name] for name in kept if name in one}, **_limits(one)} for one in spec[member]]
            for member in ("initContainers", "containers")
            if member in spec
        } | {"restartPolicy": spec["restartPolicy"]}
    else:
        spec = {name: spec[name] for name in ("replicas", "backoffLimit", "suspend") if name in spec}
    return {**short, "spec": spec, "status": _without_noise(item.get("status", {}))}


def _limits(one: dict[str, Any]) -> dict[str, Any]:
    limits = (one.get("resources") or {}).get("limits")
    return {"resources": {"limits": limits}} if limits else {}


def _without_noise(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_noise(each) for name, each in part.items() if name not in _NOISE}
    return [_without_noise(each) for each in part] if isinstance(part, list) else part


def main() -> None:
    kubeconfig, context, *cases = sys.argv[1:]
    access = read_access(Path(kubeconfig), context)
    assert access is not None
    with KubeClient(access) as client:
        single = {case: [item] for case, item in {**DOOMED, **OTHERS}.items()}
        for case, items in {**single, **CASES}.items():
            if case in cases or (not cases and case in single):
                record(client, case, items, 40.0 if case == "job-fails-twice" else 8.0)


if __name__ == "__main__":
    main()
