from __future__ import annotations

import random

from pytest_plexdev.stack.kind.manifests.apply import Outcome, waves

KINDS = ["Deployment", "Secret", "Namespace", "ClusterRole", "HTTPRoute", "CustomResourceDefinition", "Job", "Service"]


def test_what_others_need_goes_first_whatever_the_order_of_the_manifests() -> None:
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
    outcome = Outcome({"service/b": "created", "service/a": "created", "job/c": "run again"})

    assert outcome.of("created") == ["service/a", "service/b"]
    assert outcome.of("unchanged") == []
