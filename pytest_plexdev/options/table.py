"""The table of options: their names, defaults and help."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_plexdev.options import parsers
from pytest_plexdev.options.model import BRING_UP_SECONDS, Option

_CLUSTERS: Final = frozenset({"kind", "attached"})
_ATTACHED: Final = frozenset({"attached"})

OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        name="dev_stack",
        flag="--dev-stack",
        environment="DEV_STACK",
        parse=parsers.truth,
        default=False,
        switch=True,
        help="use the stack that runs already, never bring one up or tear one down",
    ),
    Option(
        name="stack",
        flag="--plexdev-stack",
        environment="PLEXDEV_STACK",
        parse=parsers.choice("embedded", "kind", "attached"),
        default="embedded",
        metavar="embedded|kind|attached",
        help="which stack: plain processes, a kind cluster, or a namespace of an existing cluster",
    ),
    Option(
        name="context",
        flag="--plexdev-context",
        environment="PLEXDEV_CONTEXT",
        parse=parsers.text,
        default="kind-plexsphere",
        metavar="NAME",
        help="kubectl context",
        only_for=_ATTACHED,
    ),
    Option(
        name="namespace",
        flag="--plexdev-namespace",
        environment="PLEXDEV_NAMESPACE",
        parse=parsers.text,
        default=None,
        metavar="NAME",
        help="namespace; its default is one per run",
        only_for=_ATTACHED,
    ),
    Option(
        name="overlay",
        flag="--plexdev-overlay",
        environment="PLEXDEV_OVERLAY",
        parse=parsers.directory,
        default=None,
        metavar="DIR",
        help="kustomize overlay in place of ours",
        only_for=_CLUSTERS,
    ),
    Option(
        name="images",
        flag="--plexdev-image",
        environment="PLEXDEV_IMAGES",
        parse=parsers.images,
        default=MappingProxyType({}),
        many=True,
        metavar="NAME=REF",
        help="image in place of ours (repeatable)",
        only_for=_CLUSTERS,
    ),
    Option(
        name="prefer",
        flag="--plexdev-prefer",
        environment="PLEXDEV_PREFER",
        parse=parsers.choice("real", "stand-in"),
        default="real",
        metavar="real|stand-in",
        help="Dex and SpiceDB: those on PATH, or our stand-ins even where they are there",
        only_for=frozenset({"embedded"}),
        brings_up=True,
    ),
    Option(
        name="kind_image",
        flag="--plexdev-kind-image",
        environment="PLEXDEV_KIND_IMAGE",
        parse=parsers.text,
        default=None,
        metavar="REF",
        help="node image of a fresh kind cluster",
        only_for=frozenset({"kind"}),
        brings_up=True,
    ),
    Option(
        name="keep",
        flag="--plexdev-keep",
        environment="PLEXDEV_KEEP",
        parse=parsers.choice("never", "on-failure", "always"),
        default="never",
        metavar="never|on-failure|always",
        help="leave the fresh stack running after the run; a cluster, where its bring-up failed too",
        brings_up=True,
    ),
    Option(
        name="on_drift",
        flag="--plexdev-on-drift",
        environment="PLEXDEV_ON_DRIFT",
        parse=parsers.choice("fail", "apply", "ignore"),
        default="fail",
        metavar="fail|apply|ignore",
        help="what to do where a running stack has another fingerprint",
        only_for=_CLUSTERS,
        reuses=True,
    ),
    Option(
        name="timeout",
        flag="--plexdev-timeout",
        environment="PLEXDEV_TIMEOUT",
        parse=parsers.seconds,
        default=BRING_UP_SECONDS,
        metavar="SECONDS",
        help="how long a bring-up may take; of a running stack, one that is under way or that drift asks for",
    ),
    Option(
        name="output",
        flag="--plexdev-output",
        environment="PLEXDEV_OUTPUT",
        parse=Path,
        default=Path(".plexdev"),
        metavar="DIR",
        help="where failing tests leave their evidence",
    ),
    Option(
        name="report",
        flag="--plexdev-report",
        environment="PLEXDEV_REPORT",
        parse=parsers.html,
        default=None,
        metavar="FILE.html",
        help="write the timeline of the run",
    ),
)
