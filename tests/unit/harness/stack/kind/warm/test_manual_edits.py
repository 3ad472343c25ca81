"""Manual changes of a stack that is not ready are reported, and `plexdev up` reverts them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.warm.manual_edits import Edit, edits_in_the_way

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
    """A stack with one Secret, one Job, and a ready mark with its time."""

    def __init__(self, item: KubeObject, *, is_ready: bool, has_mark: bool = True) -> None:
        complete = {"conditions": [{"type": "Complete", "status": "True"}]}
        meta = {"name": "migrate", "namespace": "default", "managedFields": [APPLIED]}
        job = {"metadata": meta, "spec": {"selector": {}}, "status": complete if is_ready else {}}
        self._listed = {"Secret": [item], "Job": [job]}
        self._has_mark = has_mark

    def list(self, resource: Any, namespace: str | None = None, **_: object) -> KubeObject:
        items = self._listed.get(resource.kind, []) if namespace in (None, "default") else []
        return {"metadata": {"resourceVersion": "1"}, "items": items}

    def get(self, *_: object) -> KubeObject | None:
        addresses = json.dumps({"api_port": 8080, "idp_port": 5556})
        data = {"fingerprint": "{}", "tenants": "[]", "services": "[]", "addresses": addresses}
        return {"data": {**data, "ready_at": str(READY_AT)}} if self._has_mark else None


def edits(item: KubeObject, *, is_ready: bool = False, has_mark: bool = True) -> list[Edit]:
    stack: Any = Stack(item, is_ready=is_ready, has_mark=has_mark)
    return edits_in_the_way(stack)


def test_content_edited_since_the_stack_was_ready_is_named() -> None:
    (edit,) = edits(secret(write(AFTER)))

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
    assert edits(item) == []


def test_a_change_that_hurts_nobody_is_left_alone() -> None:
    assert edits(secret(write(AFTER)), is_ready=True) == []


def test_a_stack_that_was_never_whole_is_applied_anyway() -> None:
    assert edits(secret(write(AFTER)), has_mark=False) == []
