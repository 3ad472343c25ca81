"""The embedded side of ``plexdev up`` and ``down``."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pytest_plexdev.cli.environment import settings_of_environment
from pytest_plexdev.cli.output import report_done, report_result
from pytest_plexdev.cli.seed import checked_seed
from pytest_plexdev.core.extras import need_embedded
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo

TIMEOUT: Final = 60.0


def up(options: argparse.Namespace) -> int:
    """``plexdev up --stack embedded``: options ``prefer``, ``port``, ``idp_port``, ``seed``, ``timeout``, ``json``."""
    need_embedded()
    import msgspec

    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.embedded import seeding
    from pytest_plexdev.stack.embedded.settings import API_PORT, IDP_PORT, WARM_ID, EmbeddedSettings, Prefer
    from pytest_plexdev.stack.embedded.warm import bring_up_warm, parts_that_differ

    chosen = settings_of_environment("embedded")
    # Unlike a run's, a bring-up from a shell that nobody gave a time is over after a minute.
    default = TIMEOUT if chosen.sources["timeout"] == "default" else chosen.timeout
    prefer: Prefer = options.prefer or "real"
    settings = EmbeddedSettings(
        id=WARM_ID,
        prefer=prefer,
        timeout=options.timeout or default,
        api_port=API_PORT if options.port is None else options.port,
        idp_port=IDP_PORT if options.idp_port is None else options.idp_port,
        seed=checked_seed(options.seed, for_reference_plane=True),
    )
    began = time.monotonic()
    with show(as_json=options.json) as progress, _container_named():
        info, is_new = bring_up_warm(settings, progress)
    differ = [] if is_new else [*parts_that_differ(settings, info), *_ports_that_differ(options, info)]
    if not is_new and seeding.differs(info, settings.seed):
        differ.append("seed")
    seconds = time.monotonic() - began
    stack = msgspec.to_builtins(info, enc_hook=str)
    report_result(
        options,
        {"new": is_new, "differ": differ, "stack": stack},
        lambda: "\n".join([_welcome(info, is_new=is_new, seconds=seconds), *_note(options, differ)]),
    )
    return 0


def _note(options: argparse.Namespace, differ: Sequence[str]) -> Iterator[str]:
    if differ:
        given = _options_given(options)
        yield f"  note       a new one with {given} would have another {' and '.join(differ)}:"
        yield f"             plexdev down --stack embedded && plexdev up {given}"


@contextlib.contextmanager
def _container_named() -> Iterator[None]:
    """Name the container in a ``port-taken`` error of the body, where Docker publishes the port."""
    try:
        yield
    except PlexdevError as error:
        if error.failure is not PORT_TAKEN:
            raise
        from pytest_plexdev.stack.kind.cluster.publisher import with_container

        raise with_container(error) from None


def _ports_that_differ(options: argparse.Namespace, info: StackInfo) -> list[str]:
    """The ports that were asked for by number and are others in a stack that runs already."""
    asked = (("port", options.port, info.endpoints.api), ("idp-port", options.idp_port, info.endpoints.issuer))
    return [name for name, port, url in asked if port and urlsplit(url).port != port]


def _options_given(options: argparse.Namespace) -> str:
    given = (
        ("--prefer", options.prefer or "real"),
        ("--port", options.port),
        ("--idp-port", options.idp_port),
        ("--seed", options.seed),
    )
    return shlex.join(str(word) for name, value in given if value is not None for word in (name, value))


def down(options: argparse.Namespace) -> int:
    """``plexdev down`` of the warm stack, or of one that a test run kept: options ``directory`` and ``json``."""
    from pytest_plexdev.core.ownership.run_directory import remove_left
    from pytest_plexdev.stack.embedded.provider import end
    from pytest_plexdev.stack.embedded.warm import warm_directory

    directory: Path | None = options.directory
    place = (directory or warm_directory()).absolute()
    left = end(place)
    if left is None:
        report_done(options, [f"plexdev: nothing to end: there is no stack in {place}"])
        return 0
    if directory is not None:
        # The run that kept the stack has left its own directory around it.
        remove_left(place.parent)
    note = [f"  left       {place}: plexdev did not make {', '.join(left)}"] if left else []
    report_done(options, ["plexdev: the stack is down", *note])
    return 0


def _welcome(info: StackInfo, *, is_new: bool, seconds: float) -> str:
    stand_ins = [f"{service.name} for {service.stands_in_for}" for service in info.services if service.stands_in_for]
    first = f"ready after {seconds:.1f} s" if is_new else f"already running since {_clock(info.started_at)}"
    return "\n".join(
        [
            f"plexdev: the stack is {first}",
            f"  api        {info.endpoints.api}",
            f"  issuer     {info.endpoints.issuer}",
            f"  database   {info.endpoints.database}",
            f"  nats       {info.endpoints.nats}",
            f"  stand-ins  {', '.join(stand_ins)}",
            f"  left out   {', '.join(info.left_out)}",
            "  next       pytest --dev-stack; plexdev login; plexdev down --stack embedded",
        ]
    )


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
