"""``plexdev up plexd`` and ``plexdev down plexd``: add a service to the running stack, and remove it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from pytest_plexdev.cli.output import CommandError, report_done, report_result
from pytest_plexdev.stack.on_request import PROVIDER, SERVICES

if TYPE_CHECKING:
    from pytest_plexdev.core.provider_parts import Deployed

_OF_THE_STACK: Final = ("--prefer", "--port", "--idp-port", "--seed", "--profile", "--prune", "--reapply")
"""The options of ``up`` that start a stack."""


def add_service(parser: argparse.ArgumentParser, *, help: str) -> None:  # noqa: A002 - argparse's name
    """Add the argument that names a service."""
    parser.add_argument("service", nargs="?", choices=SERVICES, help=help)


def image_of(text: str) -> tuple[str, str]:
    """Parse ``NAME=REF``, where the name is that of a service."""
    name, _, reference = text.partition("=")
    if name not in SERVICES or not reference.strip():
        raise argparse.ArgumentTypeError(f"{text}: must be {' or '.join(f'{each}=REF' for each in SERVICES)}")
    return name, reference


def add(options: argparse.Namespace) -> int:
    """``plexdev up plexd``."""
    from pytest_plexdev.cli.environment import request_for
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.on_request import add_plexd
    from pytest_plexdev.stack.request import UpOptions

    _refuse_options_of_a_stack(options, _OF_THE_STACK)
    began = time.monotonic()
    _, image = options.image or (None, None)
    request = request_for(PROVIDER, UpOptions(timeout=options.timeout))
    with show(as_json=options.json) as progress, _api_errors():
        deployed = add_plexd(request, progress, image=image)
    seconds = time.monotonic() - began
    report_result(options, asdict(deployed), lambda: _text(deployed, seconds))
    return 0


def remove(options: argparse.Namespace) -> int:
    """``plexdev down plexd``."""
    from pytest_plexdev.cli.environment import request_for
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.on_request import remove_plexd

    _refuse_options_of_a_stack(options, ("--force", "--directory"))
    with show(as_json=options.json) as progress:
        lines = remove_plexd(request_for(PROVIDER), progress)
    report_done(options, lines)
    return 0


def _text(deployed: Deployed, seconds: float) -> str:
    return "\n".join(
        [
            f"plexdev: plexd is healthy ({seconds:.1f} s)",
            *(f"  {line}" for line in deployed.did),
            f"  node       {deployed.node_id} in {deployed.domain}",
            "  see it     plexdev login --auto && plexdev node list; plexdev logs plexd; plexdev status",
            "  remove it  plexdev down plexd",
        ]
    )


def _refuse_options_of_a_stack(options: argparse.Namespace, names: tuple[str, ...]) -> None:
    """Exit with a usage error if an option is set that concerns a whole stack."""
    given = {name: getattr(options, name.removeprefix("--").replace("-", "_")) for name in names}
    for name, value in given.items():
        if value is not None and value is not False:
            options.refuse(f"{name} concerns a whole stack, not {options.service}")
    if options.stack not in (None, PROVIDER):
        options.refuse(f"{options.service} needs --stack {PROVIDER}: it is an image")


@contextmanager
def _api_errors() -> Iterator[None]:
    from pytest_plexdev.api.problems import ProblemError
    from pytest_plexdev.cli.control_plane import exit_code_of

    try:
        yield
    except ProblemError as error:
        raise CommandError(error.code or "refused", str(error), exit_code=exit_code_of(error)) from None
