"""Rules of SecretStores and ExternalSecrets, and of Pods that need a synced Secret, from recordings."""

from __future__ import annotations

import copy

import pytest

from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.grace import Patience
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.rules import status_of
from tests.support.readiness_rules import condition
from tests.support.recordings import end, lines, moments
from tests.support.secret_stores import PATH

STORE = ObjectRef("SecretStore", "store", "default")
SYNCED = ObjectRef("ExternalSecret", "synced", "default")
READER = ObjectRef("Deployment", "reader", "default")
MADE = f"no Secret made from SecretStore store, {PATH}#client_secret"
REFUSED = (
    "ValidationFailed: invalid vault credentials: Error making API request. URL: GET "
    "http://openbao.default:8200/v1/auth/token/lookup-self Code: 403. Errors: * permission denied"
)
UNREACHABLE = (
    'ValidationFailed: invalid vault credentials: Get "http://localhost:1/v1/auth/token/lookup-self": '
    "dial tcp [::1]:1: connect: connection refused"
)
WITHOUT = 'CreateContainerConfigError: secret "made" not found'
NO_PATH = "no Secret made from SecretStore store, domains/none#client_secret: SecretSyncedError: Secret does not exist"
TABLE: dict[tuple[str, ObjectRef], str] = {
    ("secret-synced", STORE): "ready ",
    ("secret-synced", SYNCED): "ready ",
    ("secret-path-missing", STORE): "ready ",
    ("secret-path-missing", SYNCED): f"doomed {NO_PATH}",
    ("secret-key-missing", SYNCED): (
        f"doomed no Secret made from SecretStore store, {PATH}#no-such: "
        'SecretSyncedError: cannot find secret data for key: "no-such"'
    ),
    ("store-token-wrong", STORE): f"doomed {REFUSED}",
    ("store-token-wrong", SYNCED): f"waiting {MADE}: secretstore/store: {REFUSED}",
    ("store-token-missing", STORE): (
        'doomed InvalidProviderConfig: cannot get Kubernetes secret "no-such" from namespace "default": '
        'secrets "no-such" not found'
    ),
    ("store-unreachable", STORE): f"waiting {UNREACHABLE}",
    ("store-unreachable", SYNCED): f"waiting {MADE}: secretstore/store: {UNREACHABLE}",
}


@pytest.mark.parametrize(("case", "ref"), TABLE, ids=lambda each: str(each))
def test_a_status_names_the_store_and_the_path(case: str, ref: ObjectRef) -> None:
    assert condition(status_of(ref, end(case))) == TABLE[case, ref]


@pytest.mark.parametrize("case", ["secret-synced", "store-unreachable"])
def test_what_is_still_coming_is_never_doomed(case: str) -> None:
    for cache in moments(case):
        states = {status_of(ref, cache).state for ref in (STORE, SYNCED, READER) if cache.get(ref) is not None}
        assert "doomed" not in states


def test_a_pod_waits_for_an_external_secret_that_is_still_coming() -> None:
    explanation = condition(status_of(READER, end("store-unreachable")))

    assert explanation.startswith("waiting pod/reader-")
    assert explanation.endswith(
        f", container main: {WITHOUT}: externalsecret/synced: {MADE}: secretstore/store: {UNREACHABLE}"
    )


def test_a_pod_is_doomed_with_the_external_secret_that_fails() -> None:
    found = status_of(READER, end("secret-path-missing"))

    assert found.state == "doomed"
    assert found.grace == status_of(SYNCED, end("secret-path-missing")).grace
    assert found.deepest.ref == SYNCED


def test_a_failure_is_final_only_if_it_persists() -> None:
    cache = end("secret-path-missing")
    since = status_of(SYNCED, cache).since
    assert since is not None
    patience = Patience(since)

    states = [patience.look([SYNCED], cache, since + after)[0].state for after in (0.0, 14.0, 16.0)]

    assert states == ["waiting", "waiting", "doomed"]


@pytest.mark.parametrize(
    ("synced_at", "state"), [("2026-11-29T23:00:00Z", "waiting"), ("2026-11-29T10:00:00Z", "doomed")]
)
def test_the_kubelet_retries_after_the_secret_was_made(synced_at: str, state: str) -> None:
    """It reports the Secret as missing for some seconds; a Secret that was deleted again stays missing."""
    cache = _with_external_secret(
        {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": synced_at}]}
    )

    assert status_of(READER, cache).state == state


def test_a_condition_of_an_older_generation_is_outdated() -> None:
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-29T10:00:00Z"}]
    old = _with_external_secret({"conditions": ready, "syncedResourceVersion": "0-1f"})
    now = _with_external_secret({"conditions": ready, "syncedResourceVersion": "1-1f"})

    assert condition(status_of(SYNCED, old)).endswith("its controller has not synced it yet")
    assert status_of(SYNCED, now).state == "ready"


@pytest.mark.parametrize(("written_at", "state"), [("14:55:40", "doomed"), ("14:55:48", "waiting")])
@pytest.mark.parametrize("write", ["creationTimestamp", "managedFields"])
def test_a_store_is_not_doomed_by_a_token_that_came_since(write: str, written_at: str, state: str) -> None:
    """External Secrets tried at 14:55:47, and looks again only after a pause."""
    stamp = f"2026-11-29T{written_at}Z"
    times = {
        "creationTimestamp": "2026-11-29T10:00:00Z",
        write: stamp if write != "managedFields" else [{"time": stamp}],
    }
    token = {"kind": "Secret", "metadata": {"name": "no-such", "namespace": "default", **times}}
    cache = end("store-token-missing")
    cache.put(ObjectRef.of(token), token)

    found = status_of(STORE, cache)

    assert found.state == state
    assert found.reason.endswith("was written since, and has not been read again yet)") == (state == "waiting")
    assert found.hint.startswith("kubectl annotate " if state == "waiting" else "kubectl describe ")


@pytest.mark.parametrize(("ready_at", "state"), [("14:00:00", "doomed"), ("23:00:00", "waiting")])
def test_a_failure_from_before_the_store_was_ready_is_outdated(ready_at: str, state: str) -> None:
    items = copy.deepcopy(lines("secret-path-missing"))
    for each in items:
        if each["kind"] == "SecretStore":
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": f"2026-11-29T{ready_at}Z"}
            each["status"] = {"conditions": [ready]}

    assert status_of(SYNCED, ObjectCache(items)).state == state


def _with_external_secret(status: KubeObject) -> ObjectCache:
    """The end of a recording, with another status of its ExternalSecret."""
    items = copy.deepcopy(lines("secret-path-missing"))
    for each in items:
        if each["kind"] == "ExternalSecret":
            each["status"] = status
    return ObjectCache(items)
