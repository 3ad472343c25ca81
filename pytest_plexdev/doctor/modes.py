"""Define the nine failure modes of the runbook, in its order, and those of the cluster below a stack."""

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
        explanation="a warm stack needs the ports for its API and sign-in; kind only prints `failed to create cluster`",
        remedy="stop your own stack that uses the port, or choose free ports: plexdev up --port 0 --idp-port 0",
    ),
    FailureMode(
        tag="gateway-not-admitted",
        title="the GatewayClass or Gateway is not admitted",
        signal="condition Accepted is not True; `Waiting for controller` since 1970 is the CRD's own default",
        check=gateway.not_admitted,
        explanation="no controller has processed it: the controller is not running, or the object names another one",
        remedy="kubectl -n envoy-gateway-system rollout restart deployment/envoy-gateway",
        fix="gateway",
        needs_nodes=True,
    ),
    FailureMode(
        tag="address-not-assigned",
        title="the Gateway has no address",
        signal="condition Programmed is False with the reason AddressNotAssigned",
        check=gateway.address_not_assigned,
        explanation="kind has no load balancer, and the EnvoyProxy that sets Envoy's Service to NodePort is not in use",
        remedy="plexdev manifests | kubectl apply --server-side --force-conflicts -f -",
        fix="gateway",
        needs_nodes=True,
    ),
    FailureMode(
        tag="gateway-not-programmed",
        title="the Gateway is not programmed",
        signal="the CRD of HTTPRoute or EnvoyProxy is missing among those of its group, or Programmed is not True",
        check=gateway.not_programmed,
        explanation="client-side apply copies an object into an annotation of at most 256 KiB, so the large CRDs fail",
        remedy="plexdev doctor --crds | kubectl apply --server-side --force-conflicts -f -",
        fix="definitions",
        needs_nodes=True,
    ),
    FailureMode(
        tag="route-waited-for",
        title="a kubectl wait for an HTTPRoute never ends",
        signal="a `kubectl wait` for a condition of a route runs on this machine",
        check=gateway.route_waited_for,
        explanation="a route has its conditions in status.parents, which kubectl does not read: it always times out",
        remedy="plexdev wait",
    ),
    FailureMode(
        tag="clock-skew",
        title="the clocks differ",
        signal="the node's or the API server's clock is more than 60 s off, or `id_token has expired` was logged",
        check=machine.clocks_apart,
        explanation="an id_token has a validity period: with a wrong clock it is expired, or not yet valid",
        remedy="sudo hwclock --hctosys; or restart Docker's virtual machine, if it slept",
    ),
    FailureMode(
        tag="image-never-pulled",
        title="an image is not on the node",
        signal="a container waits with ErrImageNeverPull",
        check=images.never_pulled,
        explanation="plexdev's own images are in no registry; they are loaded onto the node, and this one was not",
        remedy="kind load docker-image IMAGE --name plexsphere",
        fix="images",
    ),
    FailureMode(
        tag="serial-pulls",
        title="images are pulled one after the other",
        signal="the kubelet's configuration has serializeImagePulls: true",
        check=images.serial_pulls,
        explanation="the cluster was created without plexdev's configuration; a slow pull delays all other Pods",
        remedy="create the cluster with plexdev up --stack kind, or change the kubelet's configuration and restart it",
        fix="kubelet",
    ),
    FailureMode(
        tag="disk-pressure",
        title="the disk is full",
        signal="a node has DiskPressure, a Pod was evicted for its disk, or less than 2 GiB are left for images",
        check=machine.disk_pressure,
        explanation="a node short of disk space starts no new Pods and evicts others; Docker keeps unused images",
        remedy="docker builder prune -f && docker image prune -f",
    ),
)

OF_THE_NODES: Final = (
    FailureMode(
        tag="kubelet-stopped",
        title="the kubelet of a node does not run",
        signal="systemd of a kind node reports that its unit kubelet is not active",
        check=health.kubelet_stopped,
        explanation="Pods run on, but are neither started nor probed nor reported; after 50 s none counts as ready",
        remedy="docker exec plexsphere-control-plane systemctl restart kubelet",
    ),
    FailureMode(
        tag="node-not-ready",
        title="a node is not ready",
        signal="condition Ready of a Node is not True, or a pressure condition is",
        check=health.node_not_ready,
        explanation="its Pods are not ready and new ones are not started, even if the workloads report otherwise",
        remedy="if the kubelet is silent, docker exec NODE systemctl restart kubelet; else kubectl describe node/NODE",
    ),
    FailureMode(
        tag="nodes-cordoned",
        title="no node takes new Pods",
        signal="every Node has spec.unschedulable",
        check=health.nodes_cordoned,
        explanation="the nodes were cordoned: running Pods keep running, and a Pod that ends is not replaced",
        remedy="kubectl uncordon NODE",
    ),
)
"""The modes that explain other modes: Pods of a node that is not ready look as if they lacked something."""

OF_THE_CLUSTER: Final = (
    *OF_THE_NODES,
    FailureMode(
        tag="image-not-pulled",
        title="an image cannot be pulled",
        signal="a container waits with the reason ErrImagePull or ImagePullBackOff",
        check=images.not_pulled,
        needs_nodes=True,
        explanation="the node cannot reach its registry, or the image does not exist there; profile lean needs fewer",
        remedy="docker pull IMAGE && kind load docker-image IMAGE --name plexsphere",
    ),
    FailureMode(
        tag="dns-down",
        title="no name resolves in the cluster",
        signal="the Service kube-dns has no endpoint that is ready",
        check=health.dns_down,
        needs_nodes=True,
        explanation="Pods connect to each other by name: new connections fail, and a sign-in ends with status 502",
        remedy="kubectl -n kube-system scale deployment/coredns --replicas=2",
    ),
    FailureMode(
        tag="services-unrouted",
        title="kube-proxy does not run on every node",
        signal="the DaemonSet kube-proxy is absent, selects no node, or lacks a Pod that is available",
        check=health.services_unrouted,
        needs_nodes=True,
        explanation="kube-proxy routes the addresses of Services to Pods; without it the routes become outdated",
        remedy="docker exec NODE kubeadm init phase addon kube-proxy --config /kind/kubeadm.conf",
    ),
)

MODES: Final = (*TABLE, *OF_THE_CLUSTER)
"""All of them."""


def mode_of(tag: str) -> FailureMode | None:
    """The failure mode of that tag."""
    return next((mode for mode in MODES if mode.tag == tag), None)
