"""Deleted objects, and edits in a stack that is not ready, are reported, and `plexdev up` reverts them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from pytest_plexdev.kube.resources import SECRET, KubeObject
from pytest_plexdev.stack.kind.state.applied_objects import AppliedObjects
from pytest_plexdev.stack.kind.warm.manual_changes import ManualChange, changes_to_revert

READY_AT = 1_763_900_000.0
"""2025-11-23T12:13:20Z."""
BEFORE, AFTER = "2025-11-23T12:00:00Z", "2025-11-23T12:30:00Z"
APPLIED = {"manager": "plexdev", "operation": "Apply", "time": BEFORE, "fieldsV1": {"f:stringData": {}}}


def secret(*more: KubeObject, applied: bool = True) -> KubeObject:
    meta = {"name": "s", "namespace": "default", "managedFields": [*([APPLIED] if applied else []), *more]}
    return {"kind": "Secret", "metadata": meta}


def write(time: str, *, part: str = "f:data", manager: str = "kubectl-patch") -> KubeObject:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {part: {}}}


class Stack:
    """A stack with one Secret, one Job, and a ready mark with its time and the names of applied Secrets."""

    def __init__(self, item: KubeObject, *, is_ready: bool, has_mark: bool = True, applied: Sequence[str] = ()) -> None:
        complete = {"conditions": [{"type": "Complete", "status": "True"}]}
        meta = {"name": "migrate", "namespace": "default", "managedFields": [APPLIED]}
        job = {"metadata": meta, "spec": {"selector": {}}, "status": complete if is_ready else {}}
        self._listed = {"Secret": [item], "Job": [job]}
        self._has_mark = has_mark
        secrets = [AppliedObjects(SECRET, "default", tuple(applied))]
        self._applied = msgspec.json.encode(secrets if applied else []).decode()

    def list(self, resource: Any, namespace: str | None = None, **_: object) -> KubeObject:
        items = self._listed.get(resource.kind, []) if namespace in (None, "default") else []
        return {"metadata": {"resourceVersion": "1"}, "items": items}

    def names(self, resource: Any, namespace: str | None = None) -> set[str]:
        return {item["metadata"]["name"] for item in self.list(resource, namespace)["items"]}

    def get(self, *_: object) -> KubeObject | None:
        addresses = json.dumps({"api_port": 8080, "idp_port": 5556})
        data = {
            "fingerprint": "{}",
            "tenants": "[]",
            "services": "[]",
            "addresses": addresses,
            "objects": self._applied,
        }
        return {"data": {**data, "ready_at": str(READY_AT)}} if self._has_mark else None


def changes(item: KubeObject, **stack: Any) -> list[ManualChange]:
    client: Any = Stack(item, **{"is_ready": False, **stack})
    return changes_to_revert(client)


def test_content_edited_since_the_stack_was_ready_is_named() -> None:
    (edit,) = changes(secret(write(AFTER)))

    assert edit.name == "secret/s"
    assert edit.verdict.reason == "its content was changed by hand (kubectl-patch) since the stack was ready"
    assert edit.verdict.hint == "plexdev up --stack kind"


@pytest.mark.parametrize(
    "item",
    [
        secret(),
        secret(write(BEFORE)),
        secret(write(AFTER, part="f:metadata")),
        secret(write(AFTER, manager="plexdev")),
        secret(write(AFTER), applied=False),
    ],
    ids=["nobody", "put back since", "a label", "ourselves", "somebody else's"],
)
def test_what_is_no_change_of_our_content_is_not(item: KubeObject) -> None:
    assert changes(item) == []


def test_a_change_that_hurts_nobody_is_left_alone() -> None:
    assert changes(secret(write(AFTER)), is_ready=True) == []


def test_a_stack_that_was_never_whole_is_applied_anyway() -> None:
    assert changes(secret(write(AFTER)), has_mark=False) == []


@pytest.mark.parametrize("is_ready", [True, False])
def test_a_deleted_object_is_named_also_in_a_ready_stack(*, is_ready: bool) -> None:
    (deletion,) = changes(secret(), is_ready=is_ready, applied=["openbao-seed", "s"])

    assert deletion.name == "secret/openbao-seed"
    assert deletion.verdict.reason == "it was deleted since the stack was ready"
    assert deletion.verdict.hint == "plexdev up --stack kind"


def test_a_mark_of_an_earlier_version_names_no_objects() -> None:
    assert changes(secret(), applied=[]) == []
