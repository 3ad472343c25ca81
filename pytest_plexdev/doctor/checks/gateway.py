"""Failure modes of the gateway: not admitted, no address, incomplete CRDs, a route that is misread."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_plexdev.doctor.checks.objects import (
    condition,
    holds,
    in_namespace,
    is_new,
    is_untouched,
    label,
)
from pytest_plexdev.doctor.facts import Facts, Object, Unknown
from pytest_plexdev.doctor.model import Fine, Found, Outcome
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE

CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
"""What Envoy Gateway answers to (runbook)."""
_DEPLOYMENT: Final = "envoy-gateway"
_PROXY: Final = "envoy-proxy-config"
_SERVER_SIDE: Final = "--server-side --force-conflicts"
_THEIR_FILES: Final = "-f build/dev-vendor/gateway-api-crds.yaml -f build/dev-vendor/envoy-gateway.yaml"
"""Where the product's own ``make dev`` puts them, below its checkout (runbook)."""
_ENVOY_GROUP: Final = "gateway.envoyproxy.io"
_BIG_DEFINITIONS: Final = ("httproutes.gateway.networking.k8s.io", f"envoyproxies.{_ENVOY_GROUP}")
"""Those that do not fit into the annotation of a client-side apply (256 KiB); the first in its experimental form."""
_ROUTE: Final = re.compile(r"(http|grpc|tls|tcp|udp)routes?(\.[\w.]+)?(/[\w.-]+)?")
_ACCEPTED: Final = """jsonpath='{.status.parents[0].conditions[?(@.type=="Accepted")].status}'=True"""


def not_admitted(symptoms: Facts) -> Outcome:
    """A GatewayClass that its controller has not accepted, or a Gateway that none has looked at."""
    classes, gateways = symptoms.gateway_classes, symptoms.gateways
    if isinstance(classes, Unknown):
        return classes
    if isinstance(gateways, Unknown):
        return gateways
    refused = [each for each in classes if not holds(each, "Accepted") and not is_new(each, symptoms.now)]
    if refused:
        return _class_not_admitted(refused[0], symptoms)
    known = {each["metadata"]["name"]: each for each in classes}
    for gateway in _old(gateways, symptoms):
        if is_untouched(condition(gateway, "Accepted")):
            return _gateway_not_admitted(gateway, known, symptoms)
    return Fine(", ".join(f"{label(each)} is accepted" for each in classes) or "no GatewayClass")


def _class_not_admitted(refused: Object, symptoms: Facts) -> Found:
    written = condition(refused, "Accepted")
    said = f"{label(refused)} is not accepted: {_said(written)}"
    if not is_untouched(written):
        return Found(said, _apply_ours(symptoms) if symptoms.ours else f"{symptoms.kubectl} describe {label(refused)}")
    answers_to = refused["spec"].get("controllerName")
    if answers_to != CONTROLLER:
        why = f"it asks for the controller {answers_to}, and Envoy Gateway answers to {CONTROLLER}"
        return Found(f"{said}; {why}", f"{symptoms.kubectl} get {label(refused)} -o yaml")
    return Found(f"{said}; {_controller(symptoms)}", _start_controller(symptoms))


def _gateway_not_admitted(gateway: Object, known: Mapping[str, Object], symptoms: Facts) -> Found:
    said = f"{label(gateway)} is not accepted: {_said(condition(gateway, 'Accepted'))}"
    wanted = gateway["spec"].get("gatewayClassName")
    if wanted in known:
        return Found(f"{said}; {_controller(symptoms)}", _start_controller(symptoms))
    there = ", ".join(sorted(known)) or "none"
    return Found(f"{said}; its GatewayClass {wanted} does not exist ({there})", f"{symptoms.kubectl} get gatewayclass")


def _controller(symptoms: Facts) -> str:
    found = _controller_deployment(symptoms)
    if isinstance(found, Unknown):
        return f"its controller was not looked at ({found.reason})"
    if found is None:
        return f"there is no Deployment {_DEPLOYMENT} in {GATEWAY_NAMESPACE}"
    ready = (found.get("status") or {}).get("readyReplicas", 0)
    return f"its controller has {ready} of {found['spec'].get('replicas', 1)} Pods ready"


def _start_controller(symptoms: Facts) -> str:
    here = f"{symptoms.kubectl} -n {GATEWAY_NAMESPACE}"
    found = _controller_deployment(symptoms)
    if isinstance(found, Mapping):
        # One that is ready and does not look is stuck; one that is not says itself why.
        ready = (found.get("status") or {}).get("readyReplicas", 0)
        return _restart_controller(symptoms) if ready else f"{here} logs deployment/{_DEPLOYMENT} --tail=20"
    return _apply_ours(symptoms) if symptoms.ours else f"{here} get deployment,pod"


def _restart_controller(symptoms: Facts) -> str:
    return f"{symptoms.kubectl} -n {GATEWAY_NAMESPACE} rollout restart deployment/{_DEPLOYMENT}"


def _controller_deployment(symptoms: Facts) -> Object | Unknown | None:
    if isinstance(symptoms.deployments, Unknown):
        return symptoms.deployments
    wanted = (GATEWAY_NAMESPACE, _DEPLOYMENT)
    metas = ((each, each["metadata"]) for each in symptoms.deployments)
    return next((each for each, meta in metas if (meta.get("namespace"), meta["name"]) == wanted), None)


def _apply_ours(symptoms: Facts) -> str:
    return f"plexdev manifests | {symptoms.kubectl} apply {_SERVER_SIDE} -f -"


def _as_node_port(symptoms: Facts) -> str:
    node_port = '{"spec":{"provider":{"kubernetes":{"envoyService":{"type":"NodePort"}}}}}'
    proxy = f"-n {GATEWAY_NAMESPACE} patch envoyproxy {_PROXY} --type merge"
    return f"{symptoms.kubectl} {proxy} -p {shlex.quote(node_port)}"


def address_not_assigned(symptoms: Facts) -> Outcome:
    """A Gateway that is programmed but for an address, which no load balancer is there to give."""
    if isinstance(symptoms.gateways, Unknown):
        return symptoms.gateways
    for gateway in _old(symptoms.gateways, symptoms):
        written = condition(gateway, "Programmed")
        if written.get("status") == "False" and written.get("reason") == "AddressNotAssigned":
            command = _apply_ours(symptoms) if symptoms.ours else _as_node_port(symptoms)
            return Found(f"{label(gateway)}: {_said(written)}", command)
    return Fine(_addresses(symptoms.gateways))


def not_programmed(symptoms: Facts) -> Outcome:
    """A CRD that client-side apply cannot store is missing, or a Gateway is refused for another reason."""
    if isinstance(symptoms.definitions, Unknown):
        return symptoms.definitions
    if isinstance(symptoms.gateways, Unknown):
        return symptoms.gateways
    if lacking := _lacking(symptoms.definitions, symptoms):
        there = f"{' and '.join(lacking)}: the CustomResourceDefinition is missing, and others of the gateway are there"
        return Found(there, _apply_definitions(symptoms))
    for gateway in _old(symptoms.gateways, symptoms):
        written = condition(gateway, "Programmed")
        if written.get("status") == "True" or is_untouched(written) or written.get("reason") == "AddressNotAssigned":
            continue
        look = f"{symptoms.kubectl} describe {in_namespace(gateway)} gateway/{gateway['metadata']['name']}"
        return Found(f"{label(gateway)} is not programmed: {_said(written)}", look)
    return Fine(", ".join(f"{label(each)} is programmed" for each in symptoms.gateways if holds(each, "Programmed")))


def _apply_definitions(symptoms: Facts) -> str:
    apply = f"{symptoms.kubectl} apply {_SERVER_SIDE}"
    command = f"plexdev doctor --crds | {apply} -f -" if symptoms.ours else f"{apply} {_THEIR_FILES}"
    # A controller that runs already looked for the kinds when it started.
    again = f" && {_restart_controller(symptoms)}" if isinstance(_controller_deployment(symptoms), Mapping) else ""
    return command + again


def _lacking(definitions: Sequence[Object], symptoms: Facts) -> list[str]:
    """The big ones that are missing, or not served, where others of their group are there or somebody needs them."""
    served = {each["metadata"]["name"] for each in definitions if holds(each, "Established")}
    needed = {name.partition(".")[2] for name in served}
    if _has_envoy_gateway(symptoms):
        needed.add(_ENVOY_GROUP)
    return [name for name in _BIG_DEFINITIONS if name not in served and name.partition(".")[2] in needed]


def _has_envoy_gateway(symptoms: Facts) -> bool:
    classes = () if isinstance(symptoms.gateway_classes, Unknown) else symptoms.gateway_classes
    asked = any(each["spec"].get("controllerName") == CONTROLLER for each in classes)
    return asked or isinstance(_controller_deployment(symptoms), Mapping)


def route_waited_for(symptoms: Facts) -> Outcome:
    """Somebody waits for a condition that a route does not have: its conditions are per parent."""
    if isinstance(symptoms.commands, Unknown):
        return symptoms.commands
    for command in symptoms.commands:
        if not waits_for_a_route(command.words):
            continue
        # What stands before may be a token.
        wait = shlex.join(command.words[command.words.index("wait") :])
        text = f"`kubectl … {wait}` (pid {command.pid}) waits for what never comes"
        return Found(f"{text}; {_route(symptoms)}", _wait_rightly(symptoms))
    return Fine("nobody on this machine does")


def waits_for_a_route(words: Sequence[str]) -> bool:
    """Whether a command line is a ``kubectl wait`` for a condition of a route."""
    text = " ".join(words)
    if not re.search(r"\bkubectl\b.*\bwait\b", text) or not re.search(r"--for[= ]condition=", text):
        return False
    return any(_ROUTE.fullmatch(part) for word in words for part in word.lower().split(","))


def _route(symptoms: Facts) -> str:
    if isinstance(symptoms.routes, Unknown) or not symptoms.routes:
        return "the cluster that was looked at has no HTTPRoute"
    states = []
    for route in symptoms.routes:
        parents = (route.get("status") or {}).get("parents") or ()
        accepted = bool(parents) and all(holds({"status": parent}, "Accepted") for parent in parents)
        states.append(f"{label(route)} {'is accepted' if accepted else 'is not accepted'} by its parents")
    return ", ".join(states)


def _wait_rightly(symptoms: Facts) -> str:
    if isinstance(symptoms.routes, Unknown) or not symptoms.routes:
        return "plexdev wait"
    route = symptoms.routes[0]
    name = route["metadata"]["name"]
    return f"{symptoms.kubectl} wait {in_namespace(route)} --for={_ACCEPTED} httproute/{name} --timeout=60s"


def _old(things: Sequence[Object], symptoms: Facts) -> Iterator[Object]:
    return (each for each in things if not is_new(each, symptoms.now))


def _said(written: Mapping[str, Any]) -> str:
    reason, message = written.get("reason", "no condition"), written.get("message", "nothing was written")
    since = written.get("lastTransitionTime", "")
    return f"{reason}: {message}" + (f" (since {since})" if since else "")


def _addresses(gateways: Sequence[Object]) -> str:
    return ", ".join(
        f"{label(each)} has {address.get('value')}"
        for each in gateways
        for address in (each.get("status") or {}).get("addresses") or ()
    )
