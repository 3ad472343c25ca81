"""``plexdev manifests``: print the objects that ``plexdev up --stack kind`` applies."""

from __future__ import annotations

import argparse
from typing import Any

from pytest_plexdev.cli.environment import request_for
from pytest_plexdev.cli.output import add_json, report_result
from pytest_plexdev.cli.profile import add_profile
from pytest_plexdev.cli.seed import add_seed
from pytest_plexdev.stack.request import UpOptions


def add_manifests_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser(
        "manifests",
        help="print the objects that are applied to the cluster",
    )
    add_seed(parser)
    add_profile(parser)
    add_json(parser)
    parser.set_defaults(run=_manifests)


def _manifests(options: argparse.Namespace) -> int:
    from pytest_plexdev.core.extras import need
    from pytest_plexdev.stack.kind.provider import MODULES, KindProvider

    need(KindProvider.name, *MODULES)
    import yaml

    from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
    from pytest_plexdev.stack.kind.manifests.render import render
    from pytest_plexdev.stack.kind.settings import Addresses, settings_for

    settings = settings_for(request_for(KindProvider.name, UpOptions(seed=options.seed, profile=options.profile)))
    objects = [
        *custom_resource_definitions(sources_of(settings.profile)),
        *render(Addresses(), settings),
    ]
    report_result(options, {"objects": objects}, lambda: str(yaml.safe_dump_all(objects, sort_keys=False)).rstrip())
    return 0
