"""List the values of arguments for a shell that completes a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pytest_plexdev.core.people import PEOPLE
from pytest_plexdev.errors import PlexdevError


def services(*, parsed_args: argparse.Namespace, **_: object) -> Sequence[str]:
    """The services of the running stack that have a log; none without a stack."""
    from pytest_plexdev.cli.logs import services_with_logs

    try:
        return services_with_logs(parsed_args.stack, directory=parsed_args.directory)
    except PlexdevError:
        return ()


def restartable(*, parsed_args: argparse.Namespace, **_: object) -> Sequence[str]:
    """The services of the running stack that can be restarted, without those named already; none without a stack."""
    from pytest_plexdev.cli.changes import restartable_services

    try:
        known = restartable_services(parsed_args.stack, directory=parsed_args.directory)
    except PlexdevError:
        return ()
    return [name for name in known if name not in (parsed_args.services or ())]


def domains(*, parsed_args: argparse.Namespace, **_: object) -> Sequence[str]:
    """The seeded Domains of the running stack; none without a stack."""
    from pytest_plexdev.stack.discovery import find_any

    try:
        return [tenant.slug for tenant in find_any(parsed_args.stack).info.tenants]
    except PlexdevError:
        return ()


def people(**_: object) -> Sequence[str]:
    """The people of the dev stack."""
    return PEOPLE
