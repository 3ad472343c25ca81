"""``plexdev up``, ``status``, ``wait``, ``down``, ``env`` and ``logs``: the life cycle of a running stack."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_plexdev.cli import service
from pytest_plexdev.cli.output import report_done, report_result
from pytest_plexdev.errors import WHICH_STACK, PlexdevError
from pytest_plexdev.options.environment import EXPORTED

if TYPE_CHECKING:
    from pytest_plexdev.core.provider import Provider

_FORCE: Final = "DEV_FORCE_DOWN"


def up(options: argparse.Namespace) -> int:
    """``plexdev up``: bring up the warm stack of a provider and leave it running."""
    if options.service is not None:
        return service.add(options)
    if options.image is not None:
        options.refuse(
            "--image names the image of a service: plexdev up plexd --image plexd=REF; for the images of a "
            "stack, set PLEXDEV_IMAGES"
        )
    import msgspec

    from pytest_plexdev.cli.environment import request_for
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.providers import DEFAULT, provider_for
    from pytest_plexdev.stack.request import UpOptions

    given = {field.name: getattr(options, field.name) for field in fields(UpOptions)}
    stack = options.stack or DEFAULT
    provider = provider_for(stack, request_for(stack, UpOptions(**given)))
    _refuse_unread(options, provider)
    if options.prune and options.profile != "lean":
        options.refuse("--prune removes the services that the profile lean omits: type --profile lean --prune")
    began = time.monotonic()
    try:
        with show(as_json=options.json) as progress:
            started = provider.up(progress)
    except PlexdevError as error:
        raise _explained(error, provider) from None
    seconds = time.monotonic() - began
    info = msgspec.to_builtins(started.info, enc_hook=str)
    report_result(options, {**started.report, "stack": info}, lambda: provider.texts.welcome(started, seconds=seconds))
    return 0


def _explained(error: PlexdevError, provider: Provider) -> PlexdevError:
    """Add to the error of a bring-up what the other providers know about its cause."""
    from pytest_plexdev.stack.providers import providers

    for other in providers():
        if other.name != provider.name:
            error = other.explained(error)
    return error


def _refuse_unread(options: argparse.Namespace, provider: Provider) -> None:
    """Exit with a usage error if an option is set that the provider does not use."""
    for refusal in provider.texts.refusals:
        if any(_is_given(options, option) for option in refusal.options):
            need = "need" if len(refusal.options) > 1 else "needs"
            readers = " or ".join(f"--stack {name}" for name in _readers(refusal.options[0]))
            options.refuse(f"{' and '.join(refusal.options)} {need} {readers}: {refusal.reason}")


def _is_given(options: argparse.Namespace, option: str) -> bool:
    value = getattr(options, option.removeprefix("--").replace("-", "_"), None)
    return value is not None and value is not False


def _readers(option: str) -> Iterator[str]:
    """The names of the providers that use an option."""
    from pytest_plexdev.stack.providers import providers

    for provider in providers():
        if not any(option in refusal.options for refusal in provider.texts.refusals):
            yield provider.name


def status(options: argparse.Namespace) -> int:
    """``plexdev status``: print the verdict on each service."""
    from pytest_plexdev.cli import status_view
    from pytest_plexdev.cli.status import find_status

    find = partial(find_status, options.stack, directory=options.directory)
    if options.watch:
        if options.json or not sys.stdout.isatty():
            options.refuse("--watch needs a terminal, and --json prints one object")
        status_view.watch(find)
    found = find()
    report_result(options, status_view.as_json(found), lambda: status_view.as_text(found))
    return 0 if all(verdict.state == "ready" for verdict in found.verdicts) else 1


def wait(options: argparse.Namespace) -> int:
    """``plexdev wait``: return once the stack is ready."""
    from pytest_plexdev.cli import status
    from pytest_plexdev.cli.progress import show

    with show(as_json=options.json) as progress:
        status.wait(options.stack, directory=options.directory, timeout=options.timeout, progress=progress)
    if options.json:
        options.result = {"ready": True}
    return 0


def down(options: argparse.Namespace) -> int:
    """``plexdev down``: stop the warm stack, or one that a test run kept."""
    from pytest_plexdev.cli.progress import show

    if options.service is not None:
        return service.remove(options)
    if options.directory is not None:
        if options.force:
            options.refuse("--force applies to the warm cluster only; the stack of --directory is plexdev's own")
        return _down_kept(options)
    provider = _provider_to_stop(options.stack)
    _refuse_unread(options, provider)
    force = options.force or os.environ.get(_FORCE) == "1"
    with show(as_json=options.json) as progress:
        lines = provider.down(None, force=force, progress=progress)
    report_done(options, lines)
    return 0


def _provider_to_stop(chosen: str | None) -> Provider:
    """The provider of the stack to stop: the chosen one, or the only one that has a stack.

    Raises:
        PlexdevError: ``which-stack``.
    """
    from pytest_plexdev.cli.environment import request_for
    from pytest_plexdev.stack.discovery import find_present
    from pytest_plexdev.stack.providers import DEFAULT, provider_for

    if chosen is None:
        present = [provider.name for provider in find_present()]
        if len(present) > 1:
            commands = ", or ".join(shlex.join(["plexdev", "down", "--stack", name]) for name in sorted(present))
            raise PlexdevError(WHICH_STACK, stacks=", ".join(sorted(present)), commands=commands)
        chosen = present[0] if present else DEFAULT
    return provider_for(chosen, request_for(chosen))


def _down_kept(options: argparse.Namespace) -> int:
    from pytest_plexdev.core.ownership.run_directory import remove_left
    from pytest_plexdev.stack.discovery import find_present
    from pytest_plexdev.stack.providers import DEFAULT, provider_for

    directory = options.directory.absolute()
    provider = next(find_present(directory=directory), None) or provider_for(DEFAULT, directory=directory)
    lines = provider.down(None)
    remove_left(directory.parent)  # the run that kept the stack also left its run directory
    report_done(options, lines)
    return 0


def env(options: argparse.Namespace) -> int:
    """``plexdev env``: print the addresses of the stack as shell exports."""
    from pytest_plexdev.cli import attach

    attached = attach.find_any(options.stack, directory=options.directory)
    at = attached.info.endpoints
    # Postgres and NATS of a cluster are None: they are reachable during a port-forward only.
    addresses = dict(zip(EXPORTED, (at.api, at.issuer, at.database, at.nats), strict=True))
    variables = {name: value for name, value in addresses.items() if value is not None}
    variables |= attached.provider.exports(attached.info)
    exports = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    report_result(options, {"variables": variables}, lambda: "\n".join(exports))
    return 0


def logs(options: argparse.Namespace) -> int:
    """``plexdev logs``: print the logs of services, of all if none is named."""
    from pytest_plexdev.cli.logs import Window, print_logs, read_logs
    from pytest_plexdev.core.clock import unix_time

    since = unix_time() - options.since if options.since is not None else None
    window = Window(since=since, tail=options.tail)
    services = options.services
    if not options.json:
        print_logs(services, options.stack, directory=options.directory, window=window, follow=options.follow)
        return 0
    if options.follow:
        options.refuse("--follow prints continuously, but --json prints one object at the end")
    texts = read_logs(services, options.stack, directory=options.directory, window=window)
    if len(services) == 1:
        options.result = {"service": services[0], "text": texts[services[0]]}
    else:
        options.result = {"services": list(texts), "texts": texts}
    return 0
