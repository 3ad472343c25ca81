from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.manifests import apply as applying
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, waves

KINDS = ["Deployment", "Secret", "Namespace", "ClusterRole", "HTTPRoute", "CustomResourceDefinition", "Job", "Service"]


def test_objects_are_applied_in_waves_of_dependencies() -> None:
    objects = [{"kind": kind, "metadata": {"name": kind}} for kind in KINDS]
    random.Random(4).shuffle(objects)

    first, second, third = ({each["kind"] for each in wave} for wave in waves(objects))

    assert first == {"Namespace", "CustomResourceDefinition"}
    assert second == {"Secret", "ClusterRole", "Service"}
    assert third == {"Deployment", "HTTPRoute", "Job"}


def test_a_wave_of_nothing_is_none() -> None:
    assert list(waves([])) == []
    assert len(list(waves([{"kind": "Gateway", "metadata": {"name": "g"}}]))) == 1


def test_an_outcome_says_what_was_done() -> None:
    outcome = ApplyResult({"service/b": "created", "service/a": "created", "job/c": "run again"})

    assert outcome.of("created") == ["service/a", "service/b"]
    assert outcome.of("unchanged") == []


class Jobs(KubeClient):
    """A client with one Job, which disappears some requests after its deletion."""

    def __init__(self, access: Access, *, looks: int) -> None:
        super().__init__(access)
        self.requests: list[str] = []
        self._looks = looks

    def get(self, *_: Any) -> dict[str, Any] | None:
        self._looks -= "delete" in self.requests
        meta = {"name": "migrate", "namespace": "default", "uid": "old", "finalizers": ["example.com/hold"]}
        return {"kind": "Job", "metadata": meta} if self._looks > 0 else None

    def delete(self, *_: Any) -> bool:
        self.requests.append("delete")
        return True

    def apply(self, *_: Any, **__: Any) -> dict[str, Any]:
        assert self._looks <= 0
        self.requests.append("apply")
        return {}


JOB = {"kind": "Job", "metadata": {"name": "migrate", "namespace": "default"}}


def test_a_job_runs_again_once_the_old_one_is_gone(tmp_path: Path) -> None:
    client = Jobs(Access(context="c", server="https://127.0.0.1:1", kubeconfig=tmp_path), looks=3)

    assert applying._run_again(client, JOB) == "run again"
    assert client.requests == ["delete", "apply"]


def test_a_job_that_a_finalizer_holds_is_told_and_not_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_FINALIZERS_S", 0.3)
    client = Jobs(Access(context="c", server="https://127.0.0.1:1", kubeconfig=tmp_path), looks=1000)

    with pytest.raises(PlexdevError) as held:
        applying._run_again(client, JOB)

    assert held.value.tag == "object-held"
    assert "its finalizer example.com/hold blocks the deletion" in held.value.why
    assert "patch -n default job migrate" in held.value.fix
    assert held.value.fix.endswith(" && plexdev up --stack kind")
    assert client.requests == ["delete"]
