"""Failures of bringing up, reusing and taking down a stack in a Kubernetes cluster."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.failure import Failure

TOOL_MISSING: Final = Failure(
    tag="tool-missing",
    what="{program} is not on PATH",
    why="a stack in a kind cluster is made with {program}",
    fix="install {program} {wanted} or newer; without Docker: pytest --plexdev-stack=embedded",
)
COMMAND_FAILED: Final = Failure(
    tag="command-failed",
    what="`{command}` ended with {status}",
    why="{purpose}",
    fix="{fix}",
)
COMMAND_UNFINISHED: Final = Failure(
    tag="command-unfinished",
    what="`{command}` was still at work after {seconds:g} s and was ended",
    why="{purpose}",
    fix="run it by hand to see where it stops, or give it more time: --plexdev-timeout",
)
CLUSTER_UNREACHABLE: Final = Failure(
    tag="cluster-unreachable",
    what="the API server of {context} at {server} did not answer: {reason}",
    why="the cluster is stopped, gone, or not this machine's any more",
    fix="{fix}",
)
KUBECONFIG_UNUSABLE: Final = Failure(
    tag="kubeconfig-unusable",
    what="{path} has no usable context {context}: {reason}",
    why="the stack is reached through that context and no other",
    fix="kubectl config get-contexts --kubeconfig {path}",
)
KUBE_REFUSED: Final = Failure(
    tag="kube-refused",
    what="the API server refused to {verb} {object}: {reason}",
    why="{message}",
    fix="{fix}",
)
