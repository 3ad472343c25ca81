"""``plexdev images build|lock|verify``: build plexdev's own images, and maintain the digests of all others."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.output import add_json, report_result

if TYPE_CHECKING:
    from pytest_plexdev.stack.kind.images.digests import DigestResult

_TEXTS: Final = {
    "same": "as pinned",
    "recorded": "recorded {found}",
    "differs": "differs: {found} is here, {pinned} is pinned",
    "unpinned": "no digest in images.toml; {found} is here: plexdev images lock",
    "no-digest": "the image here came from no registry, so it has no digest",
    "absent": "not on this machine",
}


def add_images_commands(commands: Any) -> None:
    """Add the commands, each of which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    images = commands.add_parser("images", help="build and pin the images of a kind stack")
    actions = images.add_subparsers(dest="action", required=True, metavar="ACTION")

    build = actions.add_parser("build", help="build plexsphere:dev and plexsphere-migrate:dev if an input has changed")
    build.set_defaults(run=_build)

    lock = actions.add_parser("lock", help="pull every pinned image and write its digest to images.toml")
    lock.set_defaults(run=_lock)

    verify = actions.add_parser("verify", help="compare images.toml with the local images (exit code 1 if one differs)")
    verify.set_defaults(run=_verify)

    for parser in (build, lock, verify):
        add_json(parser)


def _build(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.kind.images.build import OUR_IMAGES, build

    done = build(_print_progress)
    text = f"{' and '.join(OUR_IMAGES)}: {'built' if done else 'up to date'}"
    report_result(options, {"images": OUR_IMAGES, "built": done}, lambda: text)
    return 0


def _lock(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.kind.images.digests import lock

    results = lock()
    report_result(options, _as_json(results), lambda: _table(results))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.kind.images.digests import verify

    results = verify()
    report_result(options, _as_json(results), lambda: _table(results))
    return 1 if any(result.state == "differs" for result in results) else 0


def _as_json(results: list[DigestResult]) -> dict[str, object]:
    images = [
        {"reference": each.pin.reference, "state": each.state, "found": each.digest, "pinned": each.pin.digest}
        for each in results
    ]
    return {"images": images}


def _table(results: list[DigestResult]) -> str:
    from pytest_plexdev.core.tables import table

    return table(
        [(each.pin.reference, _TEXTS[each.state].format(found=each.digest, pinned=each.pin.digest)) for each in results]
    )


def _print_progress(line: str) -> None:
    print(f"plexdev: {line}", file=sys.stderr)
