"""Broken states of a cluster's node container, each with its fix. Facts: ``node``, ``name`` and ``fix``."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

NODE_PAUSED: Final = Failure(
    tag="node-paused",
    what="the warm cluster's node {node} is paused",
    why="Docker froze its processes (docker pause): its ports accept connections, but no process answers",
    fix="{fix}",
)
NODE_GONE: Final = Failure(
    tag="node-gone",
    what="the warm cluster's node {node} does not exist any more",
    why="plexdev has a kubeconfig of the cluster, but Docker has no such container: it was deleted",
    fix="{fix}",
)
NODE_NAME_TAKEN: Final = Failure(
    tag="node-name-taken",
    what="the container {node} exists and is not a node of the kind cluster {name}",
    why="kind needs this name for its node, and container names are unique; the owner of the container is unknown",
    fix="{fix}",
)
NODE_CUT_OFF: Final = Failure(
    tag="node-cut-off",
    what="nothing listens at 127.0.0.1:{ports}, where Docker publishes the node {node}",
    why="the node runs, but Docker's port forwarder (docker-proxy) ended; it starts with the container",
    fix="{fix}",
)
LOOPBACK_ELSEWHERE: Final = Failure(
    tag="loopback-elsewhere",
    what="this machine's loopback is not the Docker engine's: nothing listens at 127.0.0.1:{ports} here for the node "
    "{node}",
    why="the engine publishes the node's ports in its own network, which this machine cannot reach; the cluster was "
    "left unchanged",
    fix="{fix}",
)
NODE_SILENT: Final = Failure(
    tag="node-silent",
    what="the warm cluster's node {node} runs, but its API server does not answer",
    why="its port accepts connections, but does not complete a TLS handshake with a certificate of this cluster",
    fix="{fix}",
)
NODE_UNMARKED: Final = Failure(
    tag="node-unmarked",
    what="the owner of the node {node} is unknown, so the cluster {name} was left unchanged",
    why="{reason}",
    fix="{fix}",
)
KUBECONFIG_LOST: Final = Failure(
    tag="kubeconfig-lost",
    what="the warm cluster's node {node} runs, but no usable kubeconfig names it",
    why="{reason}",
    fix="{fix}",
)
ENGINE_ELSEWHERE: Final = Failure(
    tag="engine-elsewhere",
    what="the cluster {name} answers on this machine, but the Docker engine in use has no container {node}",
    why="{reason}",
    fix="{fix}",
)
