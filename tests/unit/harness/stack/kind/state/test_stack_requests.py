"""The requests of the kind stack to an API server."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_NOT_MADE
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.cluster.node_readiness import wait_for_services
from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
from pytest_plexdev.stack.kind.state import database
from tests.support.api_server import Answers

HEALTH = "/api/v1/nodes/n:10256/proxy/healthz"


def test_a_node_without_kube_proxy_does_not_route(client: KubeClient, answers: Answers) -> None:
    with pytest.raises(PlexdevError, match="kube-proxy of Node n"):
        wait_for_services(client, "n", whole=Future(), timeout=0.2)
    answers.say("GET", HEALTH, {"lastUpdated": "now"})

    wait_for_services(client, "n", whole=Future(), timeout=0.2)


def test_a_node_that_could_not_be_made_is_not_waited_for(client: KubeClient) -> None:
    made: Future[bool] = Future()
    made.set_exception(PlexdevError(CLUSTER_NOT_MADE, detail="no", command="kind create", status="1", fix="y"))

    with pytest.raises(PlexdevError, match="cluster-not-made"):
        wait_for_services(client, "n", whole=made, timeout=60)


def test_users_objects_in_our_cluster_are_not_part_of_the_stack(client: KubeClient, answers: Answers) -> None:
    found = [deployment("ours", "plexdev"), deployment("theirs", "kubectl")]
    answers.say("GET", "/apis/apps/v1/namespaces/default/deployments", {"metadata": {}, "items": found})

    assert [ref.name for ref in objects_of_stack(client, owned=True)] == ["ours"]
    assert [ref.name for ref in objects_of_stack(client, owned=False)] == ["ours", "theirs"]


def test_what_somebody_else_filled_is_judged_as_a_whole(client: KubeClient, answers: Answers) -> None:
    found = [deployment("theirs", "kubectl")]
    answers.say("GET", "/apis/apps/v1/namespaces/default/deployments", {"metadata": {}, "items": found})

    assert [ref.name for ref in objects_of_stack(client, owned=True)] == ["theirs"]


def deployment(name: str, manager: str) -> dict[str, Any]:
    owners = [{"manager": manager, "operation": "Apply"}, {"manager": "kube-controller-manager", "operation": "Update"}]
    return {"metadata": {"name": name, "namespace": "default", "managedFields": owners}}


def test_a_database_that_is_being_deleted_is_none_any_more(client: KubeClient, answers: Answers) -> None:
    """It looks ready until it is deleted; a bring-up that used it would wait for its tables in vain."""
    path = "/api/v1/namespaces/default/pods/postgres-0"
    answers.say("GET", path, {"metadata": {"uid": "one"}})
    there = database.identity(client)
    answers.say("GET", path, {"metadata": {"uid": "one", "deletionTimestamp": "now"}})

    assert there == {database.INPUT: "one"}
    assert database.identity(client) == {}
