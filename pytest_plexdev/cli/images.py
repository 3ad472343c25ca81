"""``plexdev images build|lock|verify``: our own images, and the pins of everybody else's."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.output import add_json, report_result

if TYPE_CHECKING:
    from pytest_plexdev.stack.kind.images.digests import DigestResult

_SAYS: Final = {
    "same": "as pinned",
    "recorded": "recorded {found}",
    "differs": "differs: {found} is here, {pinned} is pinned",
    "unpinned": "no digest in images.toml; {found} is here: plexdev images lock",
    "no-digest": "the image here came from no registry, so it has no digest",
    "absent": "not on this machine",
}


def add_images_commands(commands: Any) -> None:
    """Add it to what ``ArgumentParser.add_subparsers`` returned; each of its commands sets ``run``."""
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

    done = build(_note)
    text = f"{' and '.join(OUR_IMAGES)}: {'built' if done else 'up to date'}"
    report_result(options, {"images": OUR_IMAGES, "built": done}, lambda: text)
    return 0


def _lock(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.kind.images.digests import lock

    looked = lock()
    report_result(options, _as_json(looked), lambda: _table(looked))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.kind.images.digests import verify

    looked = verify()
    report_result(options, _as_json(looked), lambda: _table(looked))
    return 1 if any(one.state == "differs" for one in looked) else 0


def _as_json(looked: list[DigestResult]) -> dict[str, object]:
    images = [
        {"reference": one.pin.reference, "state": one.state, "found": one.digest, "pinned": one.pin.digest}
        for one in looked
    ]
    return {"images": images}


def _table(looked: list[DigestResult]) -> str:
    from pytest_plexdev.core.tables import table

    return table(
        [(one.pin.reference, _SAYS[one.state].format(found=one.digest, pinned=one.pin.digest)) for one in looked]
    )


def _note(line: str) -> None:
    print(f"plexdev: {line}", file=sys.stderr)
