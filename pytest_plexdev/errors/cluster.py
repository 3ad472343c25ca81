"""Failures of bringing up, reusing and taking down a stack in a Kubernetes cluster."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

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
    fix="correct it (kubectl config view --kubeconfig {path} shows what kubectl reads), or leave it out of KUBECONFIG",
)
KUBE_REFUSED: Final = Failure(
    tag="kube-refused",
    what="the API server refused to {verb} {object}: {reason}",
    why="{message}",
    fix="{fix}",
)
OBJECT_HELD: Final = Failure(
    tag="object-held",
    what="{object} was deleted and is still there after {seconds:g} s, so it was not made anew",
    why="{holder}",
    fix="{fix}",
)
WEBHOOK_REFUSED: Final = Failure(
    tag="webhook-refused",
    what="{webhook} of this cluster refused to let the API server {verb} {object}: {reason}",
    why="{message}",
    fix="{fix}",
)
QUOTA_EXCEEDED: Final = Failure(
    tag="quota-exceeded",
    what="the quota {quota} of this cluster leaves no room to {verb} {object}",
    why="{message}",
    fix="{fix}",
)
TOOL_TOO_OLD: Final = Failure(
    tag="tool-too-old",
    what="{program} is {version}, and a stack in a kind cluster needs {wanted} or newer",
    why="{program} said so itself: `{command}`",
    fix="install {program} {wanted} or newer; without a cluster: pytest --plexdev-stack=embedded",
)
TOOL_GIBBERISH: Final = Failure(
    tag="tool-gibberish",
    what="`{command}` did not print what {program} prints: {said}",
    why="{path} was run, and what it wrote to standard output cannot be read; a wrapper that writes lines of its own "
    "there is the usual cause",
    fix="have {path} write its own lines to standard error, or put {program} itself before it on PATH",
)
DOCKER_SILENT: Final = Failure(
    tag="docker-silent",
    what="Docker does not answer at {host}",
    why="{reason}",
    fix="start it (`sudo systemctl start docker`, or Docker Desktop); without Docker: pytest --plexdev-stack=embedded",
)
DOCKER_FORBIDDEN: Final = Failure(
    tag="docker-forbidden",
    what="this user may not talk to Docker at {host}",
    why="{reason}",
    fix="sudo usermod -aG docker $USER, then sign in anew; without Docker: pytest --plexdev-stack=embedded",
)
DOCKER_ENDPOINT: Final = Failure(
    tag="docker-endpoint",
    what="the docker command does not know which engine to talk to",
    why="{reason}",
    fix="unset DOCKER_CONTEXT DOCKER_HOST; then choose one that `docker context ls` names: docker context use default",
)
FOREIGN_CLUSTER: Final = Failure(
    tag="foreign-cluster",
    what="the kind cluster {name} is there and {whose}; nothing was applied",
    why="the labels of its node say who made it and where; a cluster of somebody else is neither changed nor deleted",
    fix="use it as it is: {use}; a cluster of a run's own: pytest --plexdev-stack=kind; one that is yours "
    "to delete: plexdev down --stack kind --force",
)
NOT_LOOPBACK: Final = Failure(
    tag="not-loopback",
    what="context {context} of {path} points at {server}, which is not this machine",
    why="this provider uses kind clusters of this machine and touches no other",
    fix="kubectl config rename-context {context} elsewhere --kubeconfig {path}; a cluster of a run's own needs no such "
    "context: pytest --plexdev-stack=kind",
)
CLUSTER_BUSY: Final = Failure(
    tag="cluster-busy",
    what="the warm cluster was not free within {seconds:g} s: {holder}",
    why="two processes never change one cluster at the same time",
    fix="wait for it{or_end}",
    exit_code=124,
)
IMAGES_BUSY: Final = Failure(
    tag="images-busy",
    what="another process made images for longer than the {seconds:.0f} s that were left: {holder}",
    why="of two processes that need the same image, one makes it and the other waits",
    fix="run it again once that one is done{or_end}",
    exit_code=124,
)
DRIFTED: Final = Failure(
    tag="drifted",
    what="the cluster {name} has another stack than this checkout would apply: {inputs}",
    why="--plexdev-on-drift=fail",
    fix="pytest --dev-stack --plexdev-on-drift=apply; or take it as it is: --plexdev-on-drift=ignore",
)
API_SILENT: Final = Failure(
    tag="api-silent",
    what="the cluster {name} is there, and {url} does not answer as a plexsphere API: {reason}",
    why="an answer of /v1/version is what tells that a stack can be used",
    fix="{fix}",
)
KUSTOMIZE_EMPTY: Final = Failure(
    tag="kustomize-empty",
    what="`{command}` gave no objects",
    why="a stack is what an overlay says, and this one says nothing",
    fix="look at {path}/kustomization.yaml",
)
IMAGE_MISSING: Final = Failure(
    tag="image-missing",
    what="the image {reference} is not on this machine",
    why="the stack is made from it; our own images are built, all others pulled",
    fix="{fix}",
)
IMAGE_CHANGED: Final = Failure(
    tag="image-changed",
    what="the image {reference} here is {found}",
    why="images.toml pins {pinned}: the tag was moved at its registry, or another image was pulled under that name",
    fix="plexdev images verify; to take what the registry has now: plexdev images lock",
)
IMAGE_BUILD_FAILED: Final = Failure(
    tag="image-build-failed",
    what="building {image} failed",
    why="these are the last lines of the step that failed",
    fix="{fix}",
)
PLEXD_DEFERRED: Final = Failure(
    tag="plexd-deferred",
    what="plexd is declared in {directory} and not part of the dev stack",
    why="no overlay renders it, so there is no Deployment to bring up (as in the product's own dev stack)",
    fix="the harness plays nodes in its place: the fixture plexdev_node",
    exit_code=69,
)
BAD_SETTING: Final = Failure(
    tag="bad-setting",
    what="{reason}",
    why="a variable of the environment says so",
    fix="set it right, or unset it",
    exit_code=2,
)
SERVICE_NOT_READY: Final = Failure(
    tag="service-not-ready",
    what="{service} of the running stack is {state}: {reason}",
    why="it is what the cluster says of itself; a Pod that restarts comes back by itself",
    fix="{fix}",
)
VENDOR_MISSING: Final = Failure(
    tag="vendor-missing",
    what="the gateway's kinds cannot be installed: no files of {source} in {cache}, and none could be fetched",
    why="their definitions are not part of this package; they are fetched once and then kept",
    fix="install Go, then {command}; or let this machine reach github.com once (HTTPS_PROXY, where it takes one)",
)
VENDOR_MISMATCH: Final = Failure(
    tag="vendor-mismatch",
    what="{file} of {source} has SHA-256 {found}, and vendor.toml wants {wanted}",
    why="what is applied to a cluster is what was reviewed; nothing of it was kept",
    fix="in a checkout: git diff deploy/local/vendor; new there on purpose:"
    " python -m pytest_plexdev.stack.kind.manifests.crds lock",
)
CLUSTER_NOT_MADE: Final = Failure(
    tag="cluster-not-made",
    what="kind could not make the cluster: `{command}` ended with {status}",
    why="what it said is here; nothing of the cluster is left",
    fix="{fix}",
)
CLUSTER_OUT_OF_SIGHT: Final = Failure(
    tag="cluster-out-of-sight",
    what="docker is not on PATH, so the kind cluster {name} can be neither seen nor deleted",
    why="its files are in {directory}: it was brought up from this machine, or attached to",
    fix="put docker on PATH, then: plexdev down --stack kind",
)
NODE_STOPPED: Final = Failure(
    tag="node-stopped",
    what="the warm cluster's node {node} is stopped",
    why="nobody listens where its API server did, and Docker has its container, which does not run",
    fix="{fix}",
)
NODE_NOT_BACK: Final = Failure(
    tag="node-not-back",
    what="the node {node} runs, and its API server did not answer within {seconds:g} s",
    why="{reason}",
    fix="plexdev down --stack kind && plexdev up --stack kind",
)
NODE_UNREADABLE: Final = Failure(
    tag="node-unreadable",
    what="the node {node} does not say whose it is, so the cluster {name} was not deleted",
    why="its labels say that, and they could not be read; what watches over a run goes on trying for five minutes "
    "after the run's end",
    fix="docker cp {node}:{file} - says why; to delete it whoever made it: kind delete cluster --name {name}",
)
