"""Every way not to become ready, provoked on a real cluster, and the time until it is detected."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import EVENT, JOB, POD
from pytest_plexdev.kube.timestamps import event_time, seconds
from tests.support.readiness_waits import Apply, fails
from tests.support.workloads import DOOMED

LOG = logging.getLogger(__name__)

PROMISED = 5.0
"""Documented maximum of seconds from conclusive evidence to the error."""

SLOW_MACHINE = 3.0
"""Seconds added for a machine under load, and for timestamps with a resolution of one second."""


def failed_event(kube: KubeClient, namespace: str, *words: str) -> float:
    """The time of the first event with all these words."""
    events = kube.list(EVENT, namespace)["items"]
    matching = [each for each in events if all(word in each["reason"] + ": " + each["message"] for word in words)]
    return min(seconds(each.get("firstTimestamp")) or event_time(each) for each in matching)


def second_failure(kube: KubeClient, namespace: str) -> float:
    """The time of the second termination of the only Pod's container."""
    (pod,) = kube.list(POD, namespace)["items"]
    status = (pod["status"].get("initContainerStatuses") or pod["status"]["containerStatuses"])[0]
    assert status["restartCount"] == 1
    end = status["state"].get("terminated") or status["lastState"]["terminated"]
    return seconds(end["finishedAt"]) or 0.0


def unscheduled(kube: KubeClient, namespace: str) -> float:
    (pod,) = kube.list(POD, namespace)["items"]
    (told,) = (each for each in pod["status"]["conditions"] if each["type"] == "PodScheduled")
    return seconds(told["lastTransitionTime"]) or 0.0


def failed_job(kube: KubeClient, namespace: str) -> float:
    (item,) = kube.list(JOB, namespace)["items"]
    times = [seconds(each["lastTransitionTime"]) for each in item["status"]["conditions"] if "Fail" in each["type"]]
    return min(each for each in times if each is not None)


Evidence = Callable[[KubeClient, str], float]


def told(*words: str) -> Evidence:
    return lambda kube, namespace: failed_event(kube, namespace, *words)


EVIDENCE: dict[str, tuple[Evidence, tuple[str, ...]]] = {
    "image-never-pulled": (told("ErrImageNeverPull"), ("ErrImageNeverPull", "nowhere:dev")),
    "image-name-invalid": (told("InspectFailed"), ("InvalidImageName", "NO/Such:Name:x")),
    "registry-refuses": (told("BackOff", "localhost:1/nothing:1"), ("ErrImagePull", "connection refused")),
    "config-map-missing": (told("Failed", "no-such"), ("CreateContainerConfigError", 'configmap "no-such" not found')),
    "secret-to-mount-missing": (told("FailedMount"), ('secret "no-such" not found',)),
    "program-missing": (second_failure, ("StartError", "/no-such-program")),
    "fails-twice": (second_failure, ("exit 3", "container main", "the last word")),
    "init-fails-twice": (second_failure, ("exit 4", "init wait-for-it", "no way")),
    "too-large": (unscheduled, ("Insufficient cpu",)),
    "no-such-node": (unscheduled, ("node affinity/selector",)),
    "service-account-missing": (told("FailedCreate"), ("FailedCreate", 'serviceaccount "no-such" not found')),
    "job-fails": (failed_job, ("BackoffLimitExceeded", "exit 5", "gave up")),
}


@pytest.mark.parametrize("case", DOOMED)
def test_a_doomed_object_ends_the_wait_soon_and_says_why(
    case: str, apply: Apply, kube: KubeClient, namespace: str
) -> None:
    evidence, words = EVIDENCE[case]
    error, at = fails(kube, apply(DOOMED[case]))

    delay = at - evidence(kube, namespace)
    LOG.info("%s: %.1f s after the evidence\n%s", case, delay, error)
    assert error.tag == "doomed-object"
    assert all(word in str(error) for word in words)
    assert f"--kubeconfig {kube.access.kubeconfig}" in str(error).splitlines()[-1]
    assert delay <= PROMISED + SLOW_MACHINE
