"""Failure modes of the gateway: not admitted, no address, incomplete CRDs, a route that is misread."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.doctor.checks.objects import (
    condition,
    holds,
    in_namespace,
    is_new,
    is_untouched,
    label,
)
from pytest_plexdev.doctor.facts import Facts, Unknown
from pytest_plexdev.doctor.model import CheckResult, Found, NotFound
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE

CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
"""The controller name of Envoy Gateway (runbook)."""
_DEPLOYMENT: Final = "envoy-gateway"
_PROXY: Final = "envoy-proxy-config"
_SERVER_SIDE: Final = "--server-side --force-conflicts"
_THEIR_FILES: Final = "-f build/dev-vendor/gateway-api-crds.yaml -f build/dev-vendor/envoy-gateway.yaml"
"""The files that the product's own ``make dev`` writes below its checkout (runbook)."""
_ENVOY_GROUP: Final = "gateway.envoyproxy.io"
_BIG_DEFINITIONS: Final = ("httproutes.gateway.networking.k8s.io", f"envoyproxies.{_ENVOY_GROUP}")
"""CRDs that exceed the annotation of a client-side apply (256 KiB); the first one in its experimental version."""
_ROUTE: Final = re.compile(r"(http|grpc|tls|tcp|udp)routes?(\.[\w.]+)?(/[\w.-]+)?")
_ACCEPTED: Final = """jsonpath='{.status.parents[0].conditions[?(@.type=="Accepted")].status}'=True"""


def not_admitted(facts: Facts) -> CheckResult:
    """Check that the controller has accepted every GatewayClass and Gateway."""
    classes, gateways = facts.gateway_classes, facts.gateways
    if isinstance(classes, Unknown):
        return classes
    if isinstance(gateways, Unknown):
        return gateways
    refused = [each for each in classes if not holds(each, "Accepted") and not is_new(each, facts.now)]
    if refused:
        return _class_not_admitted(refused[0], facts)
    known = {each["metadata"]["name"]: each for each in classes}
    for gateway in _old(gateways, facts):
        if is_untouched(condition(gateway, "Accepted")):
            return _gateway_not_admitted(gateway, known, facts)
    return NotFound(", ".join(f"{label(each)} is accepted" for each in classes) or "no GatewayClass")


def _class_not_admitted(refused: KubeObject, facts: Facts) -> Found:
    written = condition(refused, "Accepted")
    evidence = f"{label(refused)} is not accepted: {_condition_text(written)}"
    if not is_untouched(written):
        return Found(evidence, _apply_ours(facts) if facts.ours else f"{facts.kubectl} describe {label(refused)}")
    answers_to = refused["spec"].get("controllerName")
    if answers_to != CONTROLLER:
        why = f"it names the controller {answers_to}, but Envoy Gateway is {CONTROLLER}"
        return Found(f"{evidence}; {why}", f"{facts.kubectl} get {label(refused)} -o yaml")
    return Found(f"{evidence}; {_controller(facts)}", _start_controller(facts))


def _gateway_not_admitted(gateway: KubeObject, known: Mapping[str, KubeObject], facts: Facts) -> Found:
    evidence = f"{label(gateway)} is not accepted: {_condition_text(condition(gateway, 'Accepted'))}"
    wanted = gateway["spec"].get("gatewayClassName")
    if wanted in known:
        return Found(f"{evidence}; {_controller(facts)}", _start_controller(facts))
    existing = ", ".join(sorted(known)) or "none"
    return Found(
        f"{evidence}; its GatewayClass {wanted} does not exist (existing: {existing})",
        f"{facts.kubectl} get gatewayclass",
    )


def _controller(facts: Facts) -> str:
    found = _controller_deployment(facts)
    if isinstance(found, Unknown):
        return f"its controller was not examined ({found.reason})"
    if found is None:
        return f"there is no Deployment {_DEPLOYMENT} in {GATEWAY_NAMESPACE}"
    ready = (found.get("status") or {}).get("readyReplicas", 0)
    return f"its controller has {ready} of {found['spec'].get('replicas', 1)} Pods ready"


def _start_controller(facts: Facts) -> str:
    here = f"{facts.kubectl} -n {GATEWAY_NAMESPACE}"
    found = _controller_deployment(facts)
    if isinstance(found, Mapping):
        # A ready controller that does nothing is stuck; the log of another one has the reason.
        ready = (found.get("status") or {}).get("readyReplicas", 0)
        return _restart_controller(facts) if ready else f"{here} logs deployment/{_DEPLOYMENT} --tail=20"
    return _apply_ours(facts) if facts.ours else f"{here} get deployment,pod"


def _restart_controller(facts: Facts) -> str:
    return f"{facts.kubectl} -n {GATEWAY_NAMESPACE} rollout restart deployment/{_DEPLOYMENT}"


def _controller_deployment(facts: Facts) -> KubeObject | Unknown | None:
    if isinstance(facts.deployments, Unknown):
        return facts.deployments
    wanted = (GATEWAY_NAMESPACE, _DEPLOYMENT)
    metas = ((each, each["metadata"]) for each in facts.deployments)
    return next((each for each, meta in metas if (meta.get("namespace"), meta["name"]) == wanted), None)


def _apply_ours(facts: Facts) -> str:
    deployments = () if isinstance(facts.deployments, Unknown) else facts.deployments
    has_further = any(each["metadata"]["name"] in FURTHER_SERVICES for each in deployments)
    manifests = "plexdev manifests --profile full" if has_further else "plexdev manifests --profile lean"
    return f"{manifests} | {facts.kubectl} apply {_SERVER_SIDE} -f -"


def _as_node_port(facts: Facts) -> str:
    node_port = '{"spec":{"provider":{"kubernetes":{"envoyService":{"type":"NodePort"}}}}}'
    proxy = f"-n {GATEWAY_NAMESPACE} patch envoyproxy {_PROXY} --type merge"
    return f"{facts.kubectl} {proxy} -p {shlex.quote(node_port)}"


def address_not_assigned(facts: Facts) -> CheckResult:
    """Check that no Gateway lacks an address, which on kind no load balancer assigns."""
    if isinstance(facts.gateways, Unknown):
        return facts.gateways
    for gateway in _old(facts.gateways, facts):
        written = condition(gateway, "Programmed")
        if written.get("status") == "False" and written.get("reason") == "AddressNotAssigned":
            command = _apply_ours(facts) if facts.ours else _as_node_port(facts)
            return Found(f"{label(gateway)}: {_condition_text(written)}", command)
    return NotFound(_addresses(facts.gateways))


def not_programmed(facts: Facts) -> CheckResult:
    """Check that no large CRD is missing, and that no Gateway is refused for another reason."""
    if isinstance(facts.definitions, Unknown):
        return facts.definitions
    if isinstance(facts.gateways, Unknown):
        return facts.gateways
    if lacking := _lacking(facts.definitions, facts):
        evidence = f"{' and '.join(lacking)}: the CustomResourceDefinition is missing; others of the gateway exist"
        return Found(evidence, _apply_definitions(facts))
    for gateway in _old(facts.gateways, facts):
        written = condition(gateway, "Programmed")
        if written.get("status") == "True" or is_untouched(written) or written.get("reason") == "AddressNotAssigned":
            continue
        look = f"{facts.kubectl} describe {in_namespace(gateway)} gateway/{gateway['metadata']['name']}"
        return Found(f"{label(gateway)} is not programmed: {_condition_text(written)}", look)
    return NotFound(", ".join(f"{label(each)} is programmed" for each in facts.gateways if holds(each, "Programmed")))


def _apply_definitions(facts: Facts) -> str:
    apply = f"{facts.kubectl} apply {_SERVER_SIDE}"
    command = f"plexdev doctor --crds | {apply} -f -" if facts.ours else f"{apply} {_THEIR_FILES}"
    # A running controller looked for the kinds only when it started.
    again = f" && {_restart_controller(facts)}" if isinstance(_controller_deployment(facts), Mapping) else ""
    return command + again


def _lacking(definitions: Sequence[KubeObject], facts: Facts) -> list[str]:
    """The large CRDs that are missing or not served, although others of their group exist or Envoy Gateway does."""
    served = {each["metadata"]["name"] for each in definitions if holds(each, "Established")}
    needed = {name.partition(".")[2] for name in served}
    if _has_envoy_gateway(facts):
        needed.add(_ENVOY_GROUP)
    return [name for name in _BIG_DEFINITIONS if name not in served and name.partition(".")[2] in needed]


def _has_envoy_gateway(facts: Facts) -> bool:
    classes = () if isinstance(facts.gateway_classes, Unknown) else facts.gateway_classes
    has_class = any(each["spec"].get("controllerName") == CONTROLLER for each in classes)
    return has_class or isinstance(_controller_deployment(facts), Mapping)


def route_waited_for(facts: Facts) -> CheckResult:
    """Check that no kubectl waits for a condition of a route: those are per parent."""
    if isinstance(facts.commands, Unknown):
        return facts.commands
    for command in facts.commands:
        if not waits_for_a_route(command.words):
            continue
        # The words before it may contain a token.
        wait = shlex.join(command.words[command.words.index("wait") :])
        text = f"`kubectl … {wait}` (pid {command.pid}) waits for a condition that a route never has"
        return Found(f"{text}; {_route(facts)}", _wait_rightly(facts))
    return NotFound("no such kubectl wait on this machine")


def waits_for_a_route(words: Sequence[str]) -> bool:
    """Whether a command line is a ``kubectl wait`` for a condition of a route."""
    text = " ".join(words)
    if not re.search(r"\bkubectl\b.*\bwait\b", text) or not re.search(r"--for[= ]condition=", text):
        return False
    return any(_ROUTE.fullmatch(part) for word in words for part in word.lower().split(","))


def _route(facts: Facts) -> str:
    if isinstance(facts.routes, Unknown) or not facts.routes:
        return "the examined cluster has no HTTPRoute"
    states = []
    for route in facts.routes:
        parents = (route.get("status") or {}).get("parents") or ()
        accepted = bool(parents) and all(holds({"status": parent}, "Accepted") for parent in parents)
        states.append(f"{label(route)} {'is accepted' if accepted else 'is not accepted'} by its parents")
    return ", ".join(states)


def _wait_rightly(facts: Facts) -> str:
    if isinstance(facts.routes, Unknown) or not facts.routes:
        return "plexdev wait"
    route = facts.routes[0]
    name = route["metadata"]["name"]
    return f"{facts.kubectl} wait {in_namespace(route)} --for={_ACCEPTED} httproute/{name} --timeout=60s"


def _old(things: Sequence[KubeObject], facts: Facts) -> Iterator[KubeObject]:
    return (each for each in things if not is_new(each, facts.now))


def _condition_text(written: Mapping[str, Any]) -> str:
    reason, message = written.get("reason", "no condition"), written.get("message", "nothing was written")
    since = written.get("lastTransitionTime", "")
    return f"{reason}: {message}" + (f" (since {since})" if since else "")


def _addresses(gateways: Sequence[KubeObject]) -> str:
    return ", ".join(
        f"{label(each)} has {address.get('value')}"
        for each in gateways
        for address in (each.get("status") or {}).get("addresses") or ()
    )
