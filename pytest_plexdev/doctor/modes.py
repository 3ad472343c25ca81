"""The nine failure modes of the runbook, in its order, and those of the cluster that a stack runs in."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.doctor.checks import gateway, health, images, machine
from pytest_plexdev.doctor.model import FailureMode

TABLE: Final = (
    FailureMode(
        tag="port-taken",
        title="a host port is taken",
        signal="something that is not the dev stack listens on port 8080 or 5556 of this machine",
        check=machine.port_taken,
        explanation="a warm stack has its API and its sign-in there; kind says only `failed to create cluster`",
        remedy="of a stack of yours, the command that ends it; of anybody else's, plexdev up --port 0 --idp-port 0",
    ),
    FailureMode(
        tag="gateway-not-admitted",
        title="the GatewayClass or Gateway is not admitted",
        signal="condition Accepted is not True; `Waiting for controller` since 1970 is the CRD's own default",
        check=gateway.not_admitted,
        explanation="no controller has looked at it: it is not running, or the object asks for another one",
        remedy="kubectl -n envoy-gateway-system rollout restart deployment/envoy-gateway",
        fix="gateway",
        needs_nodes=True,
    ),
    FailureMode(
        tag="address-not-assigned",
        title="the Gateway has no address",
        signal="condition Programmed is False with the reason AddressNotAssigned",
        check=gateway.address_not_assigned,
        explanation="kind has no load balancer, and the EnvoyProxy that makes Envoy's Service a NodePort is not in use",
        remedy="plexdev manifests | kubectl apply --server-side --force-conflicts -f -",
        fix="gateway",
        needs_nodes=True,
    ),
    FailureMode(
        tag="gateway-not-programmed",
        title="the Gateway is not programmed",
        signal="the CRD of HTTPRoute or EnvoyProxy is missing among those of its group, or Programmed is not True",
        check=gateway.not_programmed,
        explanation="client-side apply keeps a copy in an annotation, which ends at 256 KiB: the big CRDs are refused",
        remedy="plexdev doctor --crds | kubectl apply --server-side --force-conflicts -f -",
        fix="definitions",
        needs_nodes=True,
    ),
    FailureMode(
        tag="route-waited-for",
        title="an HTTPRoute is waited for wrongly",
        signal="a `kubectl wait` for a condition of a route runs on this machine",
        check=gateway.route_waited_for,
        explanation="a route has its conditions below status.parents, where kubectl does not look: it waits to the end",
        remedy="plexdev wait",
    ),
    FailureMode(
        tag="clock-skew",
        title="the clocks are apart",
        signal="the node's or the API server's clock is more than 60 s off, or `id_token has expired` was logged",
        check=machine.clocks_apart,
        explanation="an id_token is judged by time: one clock that is off makes it expired, or not valid yet",
        remedy="sudo hwclock --hctosys; a virtual machine of Docker that slept: restart it",
    ),
    FailureMode(
        tag="image-never-pulled",
        title="an image is not on the node",
        signal="a container waits with ErrImageNeverPull",
        check=images.never_pulled,
        explanation="our own images are in no registry: they are loaded onto the node, and this one was not",
        remedy="kind load docker-image IMAGE --name plexsphere",
        fix="images",
    ),
    FailureMode(
        tag="serial-pulls",
        title="images are pulled one after the other",
        signal="the kubelet's configuration says serializeImagePulls: true",
        check=images.serial_pulls,
        explanation="the cluster was made without plexdev's configuration; Pods stay in PodInitializing behind others",
        remedy="make the cluster by plexdev up --stack kind, or change the kubelet's configuration and restart it",
        fix="kubelet",
    ),
    FailureMode(
        tag="disk-pressure",
        title="the disk is full",
        signal="a node has DiskPressure, a Pod was evicted for its disk, or less than 2 GiB are left for images",
        check=machine.disk_pressure,
        explanation="a node short of disk takes no new Pods and evicts old ones; Docker keeps images nobody uses",
        remedy="docker builder prune -f && docker image prune -f",
    ),
)

OF_THE_NODES: Final = (
    FailureMode(
        tag="kubelet-stopped",
        title="the kubelet of a node does not run",
        signal="systemd of a kind node says that its unit kubelet is not active",
        check=health.kubelet_stopped,
        explanation="nobody starts, probes or reports on Pods: they run on, and after 50 s none counts as ready",
        remedy="docker exec plexsphere-control-plane systemctl restart kubelet",
    ),
    FailureMode(
        tag="node-not-ready",
        title="a node is not ready",
        signal="condition Ready of a Node is not True, or a pressure condition is",
        check=health.node_not_ready,
        explanation="Pods on it are not ready and new ones are not started, whatever the workloads themselves say",
        remedy="of a silent kubelet, docker exec NODE systemctl restart kubelet; else kubectl describe node/NODE",
    ),
    FailureMode(
        tag="nodes-cordoned",
        title="no node takes new Pods",
        signal="every Node has spec.unschedulable",
        check=health.nodes_cordoned,
        explanation="somebody cordoned them: Pods that run go on, and none that ends or is restarted comes back",
        remedy="kubectl uncordon NODE",
    ),
)
"""Those that explain what workloads and gateways seem to lack."""

OF_THE_CLUSTER: Final = (
    *OF_THE_NODES,
    FailureMode(
        tag="dns-down",
        title="no name resolves in the cluster",
        signal="the Service kube-dns has no endpoint that is ready",
        check=health.dns_down,
        needs_nodes=True,
        explanation="Pods reach each other by names: who has no connection yet gets none, and a sign-in ends in 502",
        remedy="kubectl -n kube-system scale deployment/coredns --replicas=2",
    ),
    FailureMode(
        tag="services-unrouted",
        title="kube-proxy does not run on every node",
        signal="the DaemonSet kube-proxy is absent, selects no node, or lacks a Pod that is available",
        check=health.services_unrouted,
        needs_nodes=True,
        explanation="kube-proxy has the addresses of Services lead to Pods; without it they are stale after any change",
        remedy="docker exec NODE kubeadm init phase addon kube-proxy --config /kind/kubeadm.conf",
    ),
)

MODES: Final = (*TABLE, *OF_THE_CLUSTER)
"""All of them."""


def mode_of(tag: str) -> FailureMode | None:
    """The failure mode of that tag."""
    return next((mode for mode in MODES if mode.tag == tag), None)
