"""Start a stack for one test, and end it after the test."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.ownership.run_directory import OWN_STACK_PREFIX
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.core.system_errors import system_errors
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.acquire import request_of
from pytest_plexdev.session.item_checks import begin_own_stack, end_own_stack
from pytest_plexdev.session.lease import with_kept_logs
from pytest_plexdev.stack import providers
from pytest_plexdev.stack.request import RunOwner

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run
    from pytest_plexdev.stack.request import Launcher
    from pytest_plexdev.testkit.own_stack import OwnStack


_LAUNCHER: Final = pytest.StashKey["Launcher"]()


@contextlib.contextmanager
def own_stack(item: pytest.Item, run: Run) -> Iterator[OwnStack]:
    """Bring up a stack for *item*, and stop it at the end of the block with all of its files.

    Raises:
        PlexdevError: ``own-stack-unsupported``; the bring-up failed.
    """
    provider_name = run.settings.stack
    providers.check_own_stack(provider_name)
    run.hold()
    name = f"{OWN_STACK_PREFIX}{os.urandom(4).hex()}"
    directory = run.directory / name
    owner = RunOwner(directory=run.directory, controller_pid=run.controller_pid, tester_pid=os.getpid(), name=name)
    request = replace(request_of(run), run=owner, launcher=_launcher_of(item.config, provider_name))
    provider = providers.provider_for(provider_name, request, directory=directory)
    with system_errors("bring up a stack for one test", near=run.directory):
        try:
            info = provider.up(no_progress).info
        except PlexdevError as error:
            raise with_kept_logs(error, directory, run.output, remove=provider.remove_files) from None
    from pytest_plexdev.testkit.own_stack import OwnStack

    make_private_directory(run.logins)
    logins = run.logins / name
    stack = OwnStack(info, provider, faults=providers.faults_of(info), logins=logins)
    begin_own_stack(item, stack)
    try:
        yield stack
    finally:
        end_own_stack(item, run, stack)
        stack.close()
        provider.down(info)
        shutil.rmtree(logins, ignore_errors=True)


def _launcher_of(config: pytest.Config, provider: str) -> Launcher:
    """The launcher of this process, which the first stack starts and the end of the run closes."""
    if _LAUNCHER not in config.stash:
        config.stash[_LAUNCHER] = launcher = providers.launcher_of(provider)
        config.add_cleanup(launcher.close)
    return config.stash[_LAUNCHER]
