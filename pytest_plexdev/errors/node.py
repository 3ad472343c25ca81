"""States of the container that is a cluster's node, and what mends each. Facts: ``node``, ``name`` and ``fix``."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

NODE_PAUSED: Final = Failure(
    tag="node-paused",
    what="the warm cluster's node {node} is paused",
    why="Docker froze its processes (docker pause): its ports take connections, and nothing answers there",
    fix="{fix}",
)
NODE_GONE: Final = Failure(
    tag="node-gone",
    what="the warm cluster's node {node} is not there any more",
    why="plexdev's kubeconfig of the cluster is there, and Docker has no such container: it was deleted",
    fix="{fix}",
)
NODE_NAME_TAKEN: Final = Failure(
    tag="node-name-taken",
    what="a container that is not a node of the kind cluster {name} has the name {node}",
    why="kind gives its node that name, and Docker has one container of a name; this one may be anybody's",
    fix="{fix}",
)
NODE_CUT_OFF: Final = Failure(
    tag="node-cut-off",
    what="nothing listens at 127.0.0.1:{ports}, where Docker publishes the node {node}",
    why="the node runs, and Docker's port forwarder (docker-proxy) ended; it starts with the container",
    fix="{fix}",
)
LOOPBACK_ELSEWHERE: Final = Failure(
    tag="loopback-elsewhere",
    what="this machine's loopback is not the engine's: nobody listens at 127.0.0.1:{ports} here for the node {node}",
    why="the engine publishes the node's ports in its own network, whose bridge is not here; it was left alone",
    fix="{fix}",
)
NODE_SILENT: Final = Failure(
    tag="node-silent",
    what="the warm cluster's node {node} runs, and its API server does not answer",
    why="something listens at its port, and does not end a TLS handshake with a certificate of this cluster",
    fix="{fix}",
)
NODE_UNMARKED: Final = Failure(
    tag="node-unmarked",
    what="the node {node} does not say whose it is, so the cluster {name} was left as it is",
    why="{reason}",
    fix="{fix}",
)
KUBECONFIG_LOST: Final = Failure(
    tag="kubeconfig-lost",
    what="the warm cluster's node {node} runs, and no kubeconfig that can be used leads to it",
    why="{reason}",
    fix="{fix}",
)
ENGINE_ELSEWHERE: Final = Failure(
    tag="engine-elsewhere",
    what="the cluster {name} answers on this machine, and the engine that docker asks has no container {node}",
    why="{reason}",
    fix="{fix}",
)
