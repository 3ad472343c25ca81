"""Build a command's request for a stack from the environment as pytest does, and find variables that nothing reads."""

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
    """Write to standard error which ``PLEXDEV_*`` variables nothing reads; as JSON an object a line, as progress is."""
    for text in unknown_variable_warnings(os.environ):
        line = json.dumps({"event": "Warning", "text": text}) if as_json else f"plexdev: warning: {text}"
        sys.stderr.write(line + "\n")


def request_for(stack: str, up: UpOptions | None = None) -> StackRequest:
    """The request for the warm stack of a provider. What a stack is made of comes from the environment, as for pytest.

    Args:
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
    """The settings of a stack that is brought up, from the environment alone.

    Raises:
        PlexdevError: ``bad-setting``: pytest refuses the value, or one of the images, as well.
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
    """No project's plugins take part in a command."""
    return None
