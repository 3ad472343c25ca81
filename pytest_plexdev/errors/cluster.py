"""Failures of bringing up, reusing and taking down a stack in a Kubernetes cluster."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

TOOL_MISSING: Final = Failure(
    tag="tool-missing",
    what="{program} is not on PATH",
    why="a stack on a kind cluster needs {program}",
    fix="install {program} {wanted} or newer; without Docker: pytest --plexdev-stack=embedded, or plexdev up",
)
COMMAND_FAILED: Final = Failure(
    tag="command-failed",
    what="`{command}` ended with {status}",
    why="{purpose}",
    fix="{fix}",
)
COMMAND_UNFINISHED: Final = Failure(
    tag="command-unfinished",
    what="`{command}` had not finished after {seconds:g} s and was stopped",
    why="{purpose}",
    fix="run it by hand to see where it stops, or allow more time: --plexdev-timeout",
)
CLUSTER_UNREACHABLE: Final = Failure(
    tag="cluster-unreachable",
    what="the API server of {context} at {server} did not answer: {reason}",
    why="the cluster is stopped or deleted, or it is not on this machine",
    fix="{fix}",
)
KUBECONFIG_UNUSABLE: Final = Failure(
    tag="kubeconfig-unusable",
    what="{path} has no usable context {context}: {reason}",
    why="plexdev connects through this context only",
    fix="correct it (`kubectl config view --kubeconfig {path}` shows what kubectl reads), or remove it from KUBECONFIG",
)
KUBE_REFUSED: Final = Failure(
    tag="kube-refused",
    what="the API server refused to {verb} {object}: {reason}",
    why="{message}",
    fix="{fix}",
)
OBJECT_HELD: Final = Failure(
    tag="object-held",
    what="{object} was deleted but still exists after {seconds:g} s",
    why="{holder}; it can be created again only after it is gone",
    fix="{fix}",
)
WEBHOOK_REFUSED: Final = Failure(
    tag="webhook-refused",
    what="{webhook} of this cluster does not allow the API server to {verb} {object}: {reason}",
    why="{message}",
    fix="{fix}",
)
QUOTA_EXCEEDED: Final = Failure(
    tag="quota-exceeded",
    what="the quota {quota} of this cluster does not allow to {verb} {object}",
    why="{message}",
    fix="{fix}",
)
TOOL_TOO_OLD: Final = Failure(
    tag="tool-too-old",
    what="{program} is version {version}; a stack on a kind cluster needs {wanted} or newer",
    why="`{command}` reports this version",
    fix="install {program} {wanted} or newer; without a cluster: pytest --plexdev-stack=embedded, or plexdev up",
)
TOOL_GIBBERISH: Final = Failure(
    tag="tool-gibberish",
    what="`{command}` printed something else than {program} prints: {output}",
    why="{path} was run, and its standard output cannot be parsed; the usual cause is a wrapper that prints lines of "
    "its own",
    fix="change {path} to print its own lines to standard error, or put {program} itself before it on PATH",
)
DOCKER_SILENT: Final = Failure(
    tag="docker-silent",
    what="Docker does not answer at {host}",
    why="{reason}",
    fix="start it (`sudo systemctl start docker`, or Docker Desktop); "
    "without Docker: pytest --plexdev-stack=embedded, or plexdev up",
)
DOCKER_FORBIDDEN: Final = Failure(
    tag="docker-forbidden",
    what="this user has no permission to use Docker at {host}",
    why="{reason}",
    fix="sudo usermod -aG docker $USER, then sign in again; "
    "without Docker: pytest --plexdev-stack=embedded, or plexdev up",
)
DOCKER_ENDPOINT: Final = Failure(
    tag="docker-endpoint",
    what="the docker command does not know which engine to use",
    why="{reason}",
    fix="unset DOCKER_CONTEXT DOCKER_HOST; then choose one that `docker context ls` lists: docker context use default",
)
DOCKER_REFUSED: Final = Failure(
    tag="docker-refused",
    what="Docker refused the request of `{command}`: {reason}",
    why="the engine answered with this error",
    fix="run the command and read its output",
)
FOREIGN_CLUSTER: Final = Failure(
    tag="foreign-cluster",
    what="the kind cluster {name} exists and {whose}; nothing was applied",
    why="the labels of its node name its owner; plexdev neither changes nor deletes a cluster that it did not create",
    fix="use it unchanged: {use}; or use a cluster of the run's own: pytest --plexdev-stack=kind; or delete it if it "
    "is yours: plexdev down --stack kind --force",
)
NOT_LOOPBACK: Final = Failure(
    tag="not-loopback",
    what="context {context} of {path} points at {server}, which is not on this machine",
    why="this provider uses kind clusters on this machine only",
    fix="kubectl config rename-context {context} elsewhere --kubeconfig {path}; a cluster of the run's own needs no "
    "such context: pytest --plexdev-stack=kind",
)
CLUSTER_BUSY: Final = Failure(
    tag="cluster-busy",
    what="the warm cluster was still in use after {seconds:g} s: {holder}",
    why="only one process at a time may change a cluster",
    fix="wait until it has finished{or_end}",
    exit_code=124,
)
IMAGES_BUSY: Final = Failure(
    tag="images-busy",
    what="another process was still building images after the remaining {seconds:.0f} s: {holder}",
    why="of two processes that need the same image, one builds it and the other waits",
    fix="run again after it has finished{or_end}",
    exit_code=124,
)
DRIFTED: Final = Failure(
    tag="drifted",
    what="the stack on the cluster {name} differs from what this checkout would apply: {inputs}",
    why="--plexdev-on-drift=fail is set or the default",
    fix="{fix}",
)
DRIFT_FIX: Final = (
    "apply the difference: pytest --dev-stack --plexdev-on-drift=apply; or use the stack unchanged: "
    "--plexdev-on-drift=ignore"
)
"""The usual fix of ``drifted``."""
API_SILENT: Final = Failure(
    tag="api-silent",
    what="the cluster {name} exists, but {url} does not answer as a plexsphere API: {reason}",
    why="a stack is usable only if it answers GET /v1/version",
    fix="{fix}",
)
KUSTOMIZE_EMPTY: Final = Failure(
    tag="kustomize-empty",
    what="`{command}` rendered no objects",
    why="the overlay defines the objects of the stack, and this one defines none",
    fix="check {path}/kustomization.yaml",
)
IMAGE_MISSING: Final = Failure(
    tag="image-missing",
    what="the image {reference} is not on this machine",
    why="the stack needs this image; plexdev builds its own images, all others are pulled",
    fix="{fix}",
)
IMAGE_CHANGED: Final = Failure(
    tag="image-changed",
    what="the local image {reference} is {found}",
    why="images.toml pins {pinned}: the tag was moved in its registry, or another image was pulled under this name",
    fix="plexdev images verify; to accept what the registry has now: plexdev images lock",
)
IMAGE_BUILD_FAILED: Final = Failure(
    tag="image-build-failed",
    what="building {image} failed",
    why="the last lines of the failed step are shown above",
    fix="{fix}",
)
PLEXD_DEFERRED: Final = Failure(
    tag="plexd-deferred",
    what="plexd is declared in {directory} but has no image: the Docker engine has no {image}",
    why="no image of plexd is published, so the dev stack omits it, as the product's own does",
    fix="build or tag one as {image}, or name another: plexdev up plexd --image plexd=REF; without one, the fixture "
    "plexdev_node simulates nodes",
    exit_code=69,
)
PLEXD_TOKEN_SPENT: Final = Failure(
    tag="plexd-token-spent",
    what="plexd cannot register: the API refuses its bootstrap token ({code})",
    why="{reason}, and the volume {volume}, which keeps plexd's identity, has none",
    fix="plexdev down plexd && plexdev up plexd",
)
PLEXD_SILENT: Final = Failure(
    tag="plexd-silent",
    what="plexd runs, but {reason} after {seconds:.0f} s",
    why="it registers with its bootstrap token, and its Node is healthy while its heartbeats arrive",
    fix="plexdev logs plexd; for a new Node: plexdev down plexd && plexdev up plexd",
    exit_code=124,
)
BAD_SETTING: Final = Failure(
    tag="bad-setting",
    what="{reason}",
    why="an environment variable has this value",
    fix="correct the variable, or unset it",
    exit_code=2,
)
SERVICE_NOT_READY: Final = Failure(
    tag="service-not-ready",
    what="{service} of the running stack is {state}: {reason}",
    why="this is the state that the cluster reports; Kubernetes restarts crashed Pods itself",
    fix="{fix}",
)
VENDOR_MISSING: Final = Failure(
    tag="vendor-missing",
    what="the gateway's CRDs cannot be installed: {cache} has no files of {source}, and the download failed",
    why="the CRDs are not part of this package; they are downloaded once and then cached",
    fix="install Go, then run {command}; or connect this machine to github.com once (set HTTPS_PROXY if it needs "
    "a proxy)",
)
VENDOR_MISMATCH: Final = Failure(
    tag="vendor-mismatch",
    what="{file} of {source} has SHA-256 {found}, but vendor.toml pins {wanted}",
    why="only reviewed files are applied to a cluster; the downloaded files were discarded",
    fix="in a checkout: git diff deploy/local/vendor; to accept the new files: python -m "
    "pytest_plexdev.stack.kind.manifests.crds lock",
)
CLUSTER_NOT_MADE: Final = Failure(
    tag="cluster-not-made",
    what="kind could not create the cluster: `{command}` ended with {status}",
    why="its output is shown above; nothing of the cluster remains",
    fix="{fix}",
)
CLUSTER_OUT_OF_SIGHT: Final = Failure(
    tag="cluster-out-of-sight",
    what="docker is not on PATH, so the kind cluster {name} can be neither examined nor deleted",
    why="its files are in {directory}: it was created on this machine, or attached to",
    fix="put docker on PATH, then: plexdev down --stack kind",
)
NODE_STOPPED: Final = Failure(
    tag="node-stopped",
    what="the warm cluster's node {node} is stopped",
    why="Docker lists its container as stopped, and its API server port is closed",
    fix="{fix}",
)
NODE_NOT_BACK: Final = Failure(
    tag="node-not-back",
    what="the node {node} runs, but its API server did not answer within {seconds:g} s",
    why="{reason}",
    fix="plexdev down --stack kind && plexdev up --stack kind",
)
NODE_UNREADABLE: Final = Failure(
    tag="node-unreadable",
    what="the owner of the node {node} is unknown, so the cluster {name} was not deleted",
    why="the labels of the node name its owner, and they could not be read; the reaper of the run retries for five "
    "minutes after the run's end",
    fix="docker cp {node}:{file} - shows why; to delete the cluster without that check: kind delete cluster --name "
    "{name}",
)
