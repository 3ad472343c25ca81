"""The requests to an API server, and the errors for its refusals."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD, Resource

if TYPE_CHECKING:
    from tests.support.api_server import Answers

KINDS = {
    "resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
        {"name": "clusters", "kind": "Cluster", "namespaced": False},
    ]
}
DEPLOYMENT_OBJECT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "ns"}}


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (POD, "ns", "p", "/api/v1/namespaces/ns/pods/p"),
        (POD, None, None, "/api/v1/pods"),
        (DEPLOYMENT, "ns", None, "/apis/apps/v1/namespaces/ns/deployments"),
        (NODE, "ns", "n", "/api/v1/nodes/n"),
        (NAMESPACE, None, "n", "/api/v1/namespaces/n"),
    ],
)
def test_where_objects_are(resource: Resource, namespace: str | None, name: str | None, path: str) -> None:
    assert resource.path(namespace, name) == path


def test_names_are_read_from_metadata_alone(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/namespaces/ns/configmaps", {"items": [{"metadata": {"name": "c"}}]})

    assert client.names(CONFIG_MAP, "ns") == {"c"}
    assert client.names(POD) == set()  # a kind that is not served
    assert "as=PartialObjectMetadataList" in answers.requests[0].headers["accept"]


def test_get_gives_the_object_and_none_for_what_is_not_there(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/namespaces/ns/configmaps/c", {"data": {"a": "1"}})

    assert client.get(CONFIG_MAP, "c", "ns") == {"data": {"a": "1"}}
    assert client.get(CONFIG_MAP, "none", "ns") is None


def test_the_token_is_sent_and_never_told(client: KubeClient, access: Access, answers: Answers) -> None:
    answers.refuse("GET", "/api/v1/nodes", 401, "Unauthorized", "Unauthorized")

    with pytest.raises(PlexdevError) as refusal:
        client.list(NODE)

    assert answers.requests[-1].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in f"{refusal.value}{refusal.value!r}{access!r}"


def test_a_list_says_of_each_object_what_it_is(client: KubeClient, answers: Answers) -> None:
    answers.say(
        "GET", "/api/v1/namespaces/ns/pods", {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {}}]}
    )

    listing = client.list(POD, "ns", labels="app=x,y in (a,b)", fields="spec.nodeName=n")

    assert listing["items"] == [{"metadata": {}, "kind": "Pod", "apiVersion": "v1"}]
    assert listing["metadata"] == {"resourceVersion": "7"}
    assert answers.requests[-1].query == "labelSelector=app%3Dx%2Cy+in+%28a%2Cb%29&fieldSelector=spec.nodeName%3Dn"


@pytest.mark.parametrize("answer", [None, {"metadata": {}, "items": None}])
def test_an_unknown_or_empty_kind_has_an_empty_list(client: KubeClient, answers: Answers, answer: object) -> None:
    if answer is not None:
        answers.say("GET", "/api/v1/pods", answer)

    assert client.list(POD) == {"metadata": {}, "items": []}


def test_apply_is_server_side_and_strict(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/apis/apps/v1", KINDS)
    answers.say("PATCH", "/apis/apps/v1/namespaces/ns/deployments/api", {"metadata": {"uid": "u"}})

    assert client.apply(DEPLOYMENT_OBJECT) == {"metadata": {"uid": "u"}}
    assert client.apply(DEPLOYMENT_OBJECT, manager="other", dry_run=True) == {"metadata": {"uid": "u"}}

    discovery, first, second = answers.requests
    assert discovery.path == "/apis/apps/v1"  # once for both
    assert first.query == "fieldManager=plexdev&force=true&fieldValidation=Strict"
    assert second.query == "fieldManager=other&force=true&fieldValidation=Strict&dryRun=All"
    assert first.headers["content-type"] == "application/apply-patch+yaml"
    assert json.loads(first.body) == DEPLOYMENT_OBJECT


def test_an_object_without_a_namespace_goes_to_the_context_s_own(access: Access, answers: Answers) -> None:
    answers.say("GET", "/apis/apps/v1", KINDS)
    answers.say("PATCH", "/apis/apps/v1/namespaces/mine/deployments/api", {})
    answers.say("PATCH", "/apis/apps/v1/clusters/c", {})
    with KubeClient(replace(access, namespace="mine")) as client:
        client.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}})
        client.apply({"apiVersion": "apps/v1", "kind": "Cluster", "metadata": {"name": "c"}})


def test_a_refusal_names_the_field_and_what_to_type(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/apis/apps/v1", KINDS)
    path = "/apis/apps/v1/namespaces/ns/deployments/api"
    causes = [{"field": "spec.replicas", "message": "Invalid value: -1: must be greater than or equal to 0"}]
    answers.refuse("PATCH", path, 422, "Invalid", 'Deployment.apps "api" is invalid', causes=causes)

    with pytest.raises(PlexdevError) as refusal:
        client.apply(DEPLOYMENT_OBJECT)

    assert str(refusal.value).splitlines() == [
        "plexdev[kube-refused]: the API server refused to apply Deployment api: 422 Invalid",
        '  why: Deployment.apps "api" is invalid',
        "  | spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "  fix: kubectl --kubeconfig '/of/a test/kubeconfig' --context kind-test explain deployment",
    ]


HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@pytest.mark.parametrize(
    ("status", "message", "tag", "named", "fix"),
    [
        (
            403,
            'admission webhook "w.example.com" denied the request: not on Saturdays',
            "webhook-refused",
            "the webhook w.example.com (validatingwebhookconfiguration/guard) of this cluster does not allow",
            "delete validatingwebhookconfiguration/guard",
        ),
        (
            500,
            'Internal error occurred: failed calling webhook "w.example.com": Post "https://x.y.svc:443/": refused',
            "webhook-refused",
            "(validatingwebhookconfiguration/guard)",
            "delete validatingwebhookconfiguration/guard",
        ),
        (
            403,
            'admission webhook "other.example.com" denied the request',
            "webhook-refused",
            "the webhook other.example.com of this cluster does not allow",
            "get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        ),
        (
            422,
            "deployments.apps \"api\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "webhook-refused",
            "the validatingadmissionpolicy p of this cluster does not allow",
            "delete validatingadmissionpolicybinding b",
        ),
        (
            403,
            'deployments.apps "api" is forbidden: exceeded quota: small, requested: count/deployments.apps=1',
            "quota-exceeded",
            "the quota small of this cluster does not allow to apply Deployment api",
            "edit resourcequota small -n ns",
        ),
    ],
)
def test_who_refused_in_place_of_the_api_server_is_named(
    client: KubeClient, answers: Answers, status: int, message: str, tag: str, named: str, fix: str
) -> None:
    answers.say("GET", "/apis/apps/v1", KINDS)
    answers.say("GET", HOOKS, {"items": [{"metadata": {"name": "guard"}, "webhooks": [{"name": "w.example.com"}]}]})
    answers.say("GET", "/api/v1/resourcequotas", {"items": [{"metadata": {"name": "small", "namespace": "ns"}}]})
    answers.refuse("PATCH", "/apis/apps/v1/namespaces/ns/deployments/api", status, "Refused", message)

    with pytest.raises(PlexdevError) as refusal:
        client.apply(DEPLOYMENT_OBJECT)

    assert refusal.value.tag == tag
    assert named in refusal.value.what
    assert refusal.value.fix.endswith(fix)
    assert message in refusal.value.why


def test_an_unknown_kind_is_no_mystery(client: KubeClient, answers: Answers) -> None:
    for version in ("apps/v1", "gateway.networking.k8s.io/v1"):
        answers.say("GET", "/apis/apps/v1", KINDS)
        with pytest.raises(PlexdevError) as refusal:
            client.resource_of(version, "Gateway")

        assert "Gateway (" in str(refusal.value)
        assert "its CustomResourceDefinition is not installed" in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "output", "kept"),
    [
        ("Deployment", {"namespace": "ns"}, {"namespace": "ns"}),
        ("Deployment", {}, {"namespace": "default"}),
        ("Cluster", {}, {}),
        ("Cluster", {"namespace": "ns"}, {}),
    ],
)
def test_an_object_is_placed_by_the_scope_of_its_kind(
    client: KubeClient, answers: Answers, kind: str, output: dict[str, str], kept: dict[str, str]
) -> None:
    answers.say("GET", "/apis/apps/v1", KINDS)
    wanted = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "one", **output}, "spec": {}}

    assert client.placed(wanted) == {**wanted, "metadata": {"name": "one", **kept}}


def test_delete_says_whether_there_was_something(client: KubeClient, answers: Answers) -> None:
    answers.say("DELETE", "/api/v1/namespaces/ns/configmaps/c", {"kind": "Status"})

    assert client.delete(CONFIG_MAP, "c", "ns") is True
    assert client.delete(CONFIG_MAP, "none", "ns") is False
    assert [json.loads(request.body)["propagationPolicy"] for request in answers.requests] == ["Background"] * 2


def test_a_log_is_text_and_empty_where_there_is_none_yet(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/namespaces/ns/pods/p/log", "one\ntwo\n")
    answers.refuse("GET", "/api/v1/namespaces/ns/pods/young/log", 400, "BadRequest", "is waiting to start")

    assert client.log("p", "c", "ns", lines=5, seconds=0.2, previous=True) == "one\ntwo\n"
    assert client.log("young", "c", "ns") == ""
    assert answers.requests[0].query == "container=c&previous=true&tailLines=5&sinceSeconds=1"


def test_the_whole_seconds_of_a_log_cover_what_is_asked_for(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/namespaces/ns/pods/p/log", "one\n")

    client.log("p", "c", "ns", seconds=2.4)

    assert answers.requests[0].query.endswith("&sinceSeconds=3")


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    access = Access(context="kind-x", kubeconfig=Path("/none"), server=f"http://127.0.0.1:{port}")

    with KubeClient(access) as client, pytest.raises(PlexdevError) as refusal:
        client.get(NODE, "n")

    assert refusal.value.tag == "cluster-unreachable"
    assert f"the API server of kind-x at http://127.0.0.1:{port} did not answer" in str(refusal.value)
    assert "fix: kubectl --kubeconfig" in str(refusal.value)


@pytest.mark.parametrize(
    "call", [lambda c: c.get(NODE, "n"), lambda c: c.list(NODE), lambda c: c.resource_of("v1", "P")]
)
def test_another_server_is_told_from_an_api_server(client: KubeClient, answers: Answers, call: object) -> None:
    for path in ("/api/v1/nodes/n", "/api/v1/nodes", "/api/v1"):
        answers.say("GET", path, "<html>Hello</html>")

    with pytest.raises(PlexdevError) as refusal:
        call(client)  # type: ignore[operator]

    assert refusal.value.tag == "cluster-unreachable"
    assert "the server there is not a Kubernetes API server" in str(refusal.value)


def test_a_refusal_without_a_status_shows_what_came(client: KubeClient, answers: Answers) -> None:
    answers.say("GET", "/api/v1/nodes", "apiserver not ready", status=503)

    with pytest.raises(PlexdevError) as refusal:
        client.list(NODE)

    assert "503 Service Unavailable" in str(refusal.value)
    assert "why: apiserver not ready" in str(refusal.value)
