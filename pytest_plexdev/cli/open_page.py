"""``plexdev open``: open a page of the control plane in the browser."""

from __future__ import annotations

import argparse
from typing import Any, Final

from pytest_plexdev.cli.output import add_json, report_result
from pytest_plexdev.cli.stack_parser import add_directory, add_stack_choice

_PAGES: Final = {"api": "/", "device": "/v1/device", "docs": "/v1/docs"}
"""The path of each page below the origin of the API."""


def add_open_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser("open", help="print the URL of a page of the API, and open it if there is a browser")
    parser.add_argument(
        "page",
        nargs="?",
        choices=sorted(_PAGES),
        default="api",
        help="the API's first page, the page that approves device codes, or the description of the API; "
        "default: %(default)s",
    )
    add_stack_choice(parser)
    add_directory(parser)
    add_json(parser)
    parser.set_defaults(run=_open)


def _open(options: argparse.Namespace) -> int:
    import webbrowser

    from pytest_plexdev.cli import attach

    attached = attach.find_usable(options.stack, directory=options.directory)
    url = f"{attached.info.endpoints.api}{_PAGES[options.page]}"
    # Before the browser starts: one that runs in the terminal returns only when it ends.
    report_result(options, {"page": options.page, "url": url}, lambda: url)
    webbrowser.open(url)
    return 0
