"""Build a command's request for a stack from the environment, as pytest does, and warn of unknown variables."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from pytest_plexdev.cli.seed import checked_seed
from pytest_plexdev.doctor.advice import with_advice
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options.environment import unknown_variable_warnings
from pytest_plexdev.options.model import Settings
from pytest_plexdev.stack.request import StackRequest, UpOptions

if TYPE_CHECKING:
    from pathlib import Path


def warn_of_unknown_variables(*, as_json: bool) -> None:
    """Warn on standard error of unknown ``PLEXDEV_*`` variables.

    Args:
        as_json: Write one JSON object per line, like progress.
    """
    for text in unknown_variable_warnings(os.environ):
        line = json.dumps({"event": "Warning", "text": text}) if as_json else f"plexdev: warning: {text}"
        sys.stderr.write(line + "\n")


def request_for(stack: str, up: UpOptions | None = None) -> StackRequest:
    """Build the request for the warm stack of a provider, from the same variables as pytest.

    Args:
        stack: The name of the provider.
        up: The options of ``plexdev up``, which take precedence.
    """
    up = up or UpOptions()
    return StackRequest(
        resolve=partial(settings_of_environment, stack),
        seed=partial(checked_seed, up.seed),
        overlay=_no_overlay,
        explain=with_advice,
        up=up,
    )


def settings_of_environment(stack: str) -> Settings:
    """Resolve the settings of a new stack from the environment only.

    Raises:
        PlexdevError: ``bad-setting``: a value or an image that pytest rejects too.
    """
    from pytest_plexdev.errors.cluster import BAD_SETTING
    from pytest_plexdev.options import OptionError, resolve
    from pytest_plexdev.stack.providers import check

    try:
        chosen = resolve({}, {**os.environ, "PLEXDEV_STACK": stack, "DEV_STACK": ""}, {})
        check(chosen)
    except OptionError as error:
        raise PlexdevError(BAD_SETTING, reason=str(error)) from None
    return chosen


def _no_overlay() -> Path | None:
    """``None``, because a command loads no plugins of a project."""
    return None
