"""The rules, applied to recordings of a real cluster on its way to each state."""

from __future__ import annotations

import re

import pytest

from pytest_plexdev.readiness.object_ref import ObjectRef, refs_of
from pytest_plexdev.readiness.rules import status_of
from tests.support.readiness_rules import condition
from tests.support.recordings import end, lines, moments, subject

POD = r"pod/\S+?"
ON_THE_WAY = (
    "not created yet",
    "its controller has not seen this generation yet",
    "no Pod yet",
    f"{POD}: not scheduled yet",
    rf"{POD}, container (main|init \S+): being created",
    "its Pods are ready, but its status is not updated yet",
)
"""Reasons that any workload may have for a short time."""
PASSED: dict[str, tuple[str, ...]] = {
    "becomes-ready": (
        f"waiting {POD}, container main: not ready yet",
        f"waiting {POD}, container main: Readiness probe failed",
        "ready ",
    ),
    "waits-in-init": (f"waiting {POD}, container init wait-for-deps: running",),
    "fails-its-probe": (
        f"waiting {POD}, container main: not ready yet",
        f"waiting {POD}, container main: Readiness probe failed: not yet",
    ),
    "image-never-pulled": (
        f'doomed {POD}, container main: ErrImageNeverPull: Container image "nowhere:dev" is not present .*',
    ),
    "image-name-invalid": (f"doomed {POD}, container main: InvalidImageName: .*",),
    "registry-refuses": (
        f"waiting {POD}, container main: pulling image localhost:1/nothing:1",
        f"waiting {POD}, container main: ErrImagePull: .*",
        f"doomed {POD}, container main: (ErrImagePull|ImagePullBackOff): .*connection refused",
    ),
    "config-map-missing": (f'doomed {POD}, container main: CreateContainerConfigError: configmap "no-such" not found',),
    "secret-to-mount-missing": (f'doomed {POD}, container main: .*: secret "no-such" not found',),
    "program-missing": (
        f"waiting {POD}, container main: StartError, exit 128: .*/no-such-program.*; it will be restarted",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?StartError, exit 128: .*, 2 times",
    ),
    "fails-twice": (
        "ready ",
        f"waiting {POD}, container main: exit 3; it will be restarted",
        f"waiting {POD}, container main: restarted after exit 3; not ready yet",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?exit 3, 2 times",
    ),
    "init-fails-twice": (
        f"waiting {POD}, container init wait-for-it: running",
        f"waiting {POD}, container init wait-for-it: exit 4; it will be restarted",
        f"doomed {POD}, container init wait-for-it: (CrashLoopBackOff, )?exit 4, 2 times",
    ),
    "out-of-memory": (
        "ready ",
        f"waiting {POD}, container main: OOMKilled, exit 137 .its memory limit is 32Mi.; it will be restarted",
        f"doomed {POD}, container main: (CrashLoopBackOff, )?OOMKilled, exit 137 .its memory limit is 32Mi., 2 times",
    ),
    "too-large": (f"doomed {POD}: not scheduled: 0/1 nodes are available: 1 Insufficient cpu.",),
    "no-such-node": (f"doomed {POD}: not scheduled: 0/1 nodes are available: .*node affinity/selector.",),
    "service-account-missing": ('doomed FailedCreate: .*serviceaccount "no-such" not found',),
    "job-completes": (
        f"waiting {POD}: its containers have finished, but its status is not updated yet",
        "waiting its Pod has finished, but its status is not updated yet",
        "ready ",
    ),
    "job-fails": (
        f"waiting {POD}, container main: exit 5",
        f"doomed BackoffLimitExceeded: .*: {POD}, container main: exit 5",
    ),
    "job-fails-twice": (
        f"waiting {POD}, container main: exit 5",
        f"doomed [234] Pods failed: {POD}, container main: exit 5",
    ),
}
"""The reasons of each case besides :data:`ON_THE_WAY`; the last one is the final reason."""
GATEWAYS = {
    "gatewayclass/eg": ("ready", ""),
    "gatewayclass/foreign": ("waiting", "its controller example.com/nobody has not answered"),
    "gatewayclass/badparams": ("doomed", 'InvalidParameters: .*EnvoyProxy.gateway.envoyproxy.io "missing" not found'),
    "gateway/plexsphere": ("ready", ""),
    "gateway/good": ("waiting", "NoResources: Envoy replicas unavailable"),
    "gateway/conflict": ("waiting", "AddressNotAssigned: .*"),
    "gateway/cert": ("doomed", "listener tls: InvalidCertificateRef: Secret gw/no-such does not exist."),
    "gateway/noclass": ("waiting", "no controller of its class nowhere has answered"),
    "gateway/bad": ("waiting", "AddressNotAssigned: .*: gatewayclass/badparams: InvalidParameters: .*"),
    "httproute/plexsphere": ("ready", ""),
    "httproute/good": ("ready", ""),
    "httproute/nobackend": ("doomed", "BackendNotFound: .* service gw/no-such not found."),
    "httproute/nosection": ("doomed", "NoMatchingParent: No listeners match this parent ref"),
    "httproute/nogateway": ("waiting", "Gateway no-such has not answered for it"),
}


@pytest.mark.parametrize("case", PASSED)
def test_what_is_said_on_the_way_to_a_state_and_in_it(case: str) -> None:
    allowed = re.compile("|".join((*(f"waiting {each}" for each in ON_THE_WAY), *PASSED[case])))
    told = [condition(status_of(subject(case), cache)) for cache in moments(case)]

    assert [each for each in told if not allowed.fullmatch(each)] == []
    assert re.fullmatch(PASSED[case][-1], told[-1])


@pytest.mark.parametrize("name", GATEWAYS)
def test_gateways_as_envoy_gateway_tells_of_them(name: str) -> None:
    cache = end("gateway")
    (ref,) = (ref for ref in refs_of(lines("gateway")) if str(ref) == name)
    state, reason = GATEWAYS[name]
    found = status_of(ref, cache)

    assert found.state == state
    assert re.fullmatch(reason, found.explanation)


def test_what_was_said_of_an_older_generation_does_not_count() -> None:
    for name in ("gateway/plexsphere", "httproute/plexsphere", "gatewayclass/eg"):
        cache = end("gateway")
        (ref,) = (ref for ref in refs_of(lines("gateway")) if str(ref) == name)
        item = cache.get(ref)
        assert item is not None
        item["metadata"]["generation"] += 1

        assert condition(status_of(ref, cache)) == "waiting Accepted is reported for an older generation"


def test_a_route_waits_for_every_parent_that_it_names() -> None:
    cache = end("gateway")
    ref = ObjectRef("HTTPRoute", "plexsphere", "default")
    item = cache.get(ref)
    assert item is not None
    item["spec"]["parentRefs"].append({"name": "other"})

    assert condition(status_of(ref, cache)) == "waiting Gateway other has not answered for it"
