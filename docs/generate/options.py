"""Render the page of options and environment variables from their table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs.generate.markdown import sentence, table
from pytest_plexdev.options import OPTIONS, Option
from pytest_plexdev.stack.embedded.settings import UP_TIMEOUT_S

_HEAD: Final = """\
# Options

Each option has three names. The command line takes precedence over the environment, and that over the ini file
(`pytest.ini`, or `[tool.pytest.ini_options]` in `pyproject.toml`). The report header shows what was set, and where. A
wrong value ends pytest before any test, with the values that are possible.

This page is generated from `pytest_plexdev/options/table.py` (`make docs`).
"""
READ_BY_UP: Final = ("profile", "overlay", "images", "prefer", "kind_image", "timeout")
"""The options whose variables ``plexdev up`` reads."""
_OF_UP: Final = {
    "prefer": "has an option `--prefer`",
    "timeout": f"has an option `--timeout`; its default for an embedded stack is {UP_TIMEOUT_S:g}",
}
"""Further remarks on ``plexdev up``."""
_VARIABLES: Final = """\
## Other environment variables

`PLEXDEV_CACHE_DIR` is the cache: the migrated Postgres template, hydrated definitions, image archives. Default:
`plexdev` below `$XDG_CACHE_HOME` or `~/.cache`.

`PLEXDEV_STATE_DIR` has the stacks of `plexdev up` and the logins of `plexdev login`. Default: `plexdev` below
`$XDG_STATE_HOME` or `~/.local/state`.

A relative path in them is below the directory in which `pytest` or `plexdev` was started.

`plexdev env` exports `PLEXDEV_API_URL`, `PLEXDEV_ISSUER`, `PLEXDEV_DATABASE_URL` and `PLEXDEV_NATS_URL` for other
programs; plexdev does not read them. A variable that starts with `PLEXDEV_` and is not known causes a warning with the
nearest known name.
"""


def page() -> str:
    """The whole page."""
    rows = [
        (f"[`{each.flag}`](#{each.flag.strip('-')})", f"`{each.environment}`", f"`{each.ini}`", _default(each))
        for each in OPTIONS
    ]
    overview = table(("command line", "environment", "ini", "default"), rows)
    return "\n".join([_HEAD, overview, *(_section(each) for each in OPTIONS), _VARIABLES])


def _section(option: Option) -> str:
    typed = option.flag if option.switch else f"{option.flag}={option.metavar}"
    return f"## {option.flag.strip('-')}\n\n`{typed}`\n\n{' '.join(_sentences(option))}\n"


def _sentences(option: Option) -> Iterator[str]:
    yield sentence(option.help)
    if option.only_for:
        yield f"Only for {' and '.join(sorted(option.only_for))}."
    if option.brings_up:
        yield "Only for a fresh stack: together with `--dev-stack` it is an error."
    if option.reuses:
        yield "Read only with `--dev-stack`."
    if option.name in READ_BY_UP:
        more = f", and {_OF_UP[option.name]}" if option.name in _OF_UP else ""
        yield f"`plexdev up` reads `{option.environment}` too{more}."


def _default(option: Option) -> str:
    return str(option.default if option.shown_default is None else option.shown_default)
