"""The table of options: their names, defaults and help."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_plexdev.core.profiles import PROFILES
from pytest_plexdev.options import parsers
from pytest_plexdev.options.model import BRING_UP_SECONDS, Option

STACKS: Final = {
    "embedded": "Dex and SpiceDB from PATH, else stand-ins",
    "kind": "every service in its container, no stand-ins",
}
"""The providers of ``stack/providers.py`` in the order of the help, and what the report header says of their parts."""
_EMBEDDED: Final = frozenset({"embedded"})
_KIND: Final = frozenset({"kind"})

OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        name="dev_stack",
        flag="--dev-stack",
        environment="DEV_STACK",
        parse=parsers.truth,
        default=False,
        switch=True,
        help="use the running stack; never start or stop one",
        shown_default="off",
    ),
    Option(
        name="stack",
        flag="--plexdev-stack",
        environment="PLEXDEV_STACK",
        parse=parsers.choice(*STACKS),
        default="embedded",
        metavar="|".join(STACKS),
        help="run the stack as processes, or on a kind cluster",
    ),
    Option(
        name="profile",
        flag="--plexdev-profile",
        environment="PLEXDEV_PROFILE",
        parse=parsers.choice(*PROFILES),
        default=None,
        metavar="|".join(PROFILES),
        help="the services that the golden flow needs, or all of the product's dev stack",
        shown_default="lean; of a running stack its own",
    ),
    Option(
        name="overlay",
        flag="--plexdev-overlay",
        environment="PLEXDEV_OVERLAY",
        parse=parsers.directory,
        default=None,
        metavar="DIR",
        help="apply this kustomize overlay in place of the built-in one",
        only_for=_KIND,
        shown_default="built-in",
        is_path=True,
    ),
    Option(
        name="images",
        flag="--plexdev-image",
        environment="PLEXDEV_IMAGES",
        parse=parsers.images,
        default=MappingProxyType({}),
        many=True,
        metavar="NAME=REF",
        help="use this image in place of the built-in one (repeatable)",
        only_for=_KIND,
        shown_default="built-in",
    ),
    Option(
        name="prefer",
        flag="--plexdev-prefer",
        environment="PLEXDEV_PREFER",
        parse=parsers.choice("real", "stand-in"),
        default="real",
        metavar="real|stand-in",
        help="Dex and SpiceDB: the programs on PATH if installed, or always the stand-ins",
        only_for=_EMBEDDED,
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
        only_for=_KIND,
        brings_up=True,
        shown_default="kind's own",
    ),
    Option(
        name="keep",
        flag="--plexdev-keep",
        environment="PLEXDEV_KEEP",
        parse=parsers.choice("never", "on-failure", "always"),
        default="never",
        metavar="never|on-failure|always",
        help="keep the fresh stack after the run (kind: also after a failed bring-up)",
        brings_up=True,
    ),
    Option(
        name="on_drift",
        flag="--plexdev-on-drift",
        environment="PLEXDEV_ON_DRIFT",
        parse=parsers.choice("fail", "apply", "ignore"),
        default="fail",
        metavar="fail|apply|ignore",
        help="what to do if the running stack or its seed differs from this checkout",
        reuses=True,
    ),
    Option(
        name="timeout",
        flag="--plexdev-timeout",
        environment="PLEXDEV_TIMEOUT",
        parse=parsers.seconds,
        default=BRING_UP_SECONDS,
        metavar="SECONDS",
        help="time limit of a bring-up; with --dev-stack, of one in progress or of re-applying drift",
        shown_default="300",
    ),
    Option(
        name="output",
        flag="--plexdev-output",
        environment="PLEXDEV_OUTPUT",
        parse=parsers.path,
        default=Path(".plexdev"),
        metavar="DIR",
        help="directory for the evidence of failing tests",
        shown_default=".plexdev in rootdir",
        is_path=True,
    ),
    Option(
        name="report",
        flag="--plexdev-report",
        environment="PLEXDEV_REPORT",
        parse=parsers.html,
        default=None,
        metavar="FILE.html",
        help="write the report of the run to this file: one page that needs no network",
        shown_default="none",
        is_path=True,
    ),
)
