"""Read a command's settings from the environment as pytest does, and find variables that nothing reads."""

from __future__ import annotations

import json
import os
import sys
from typing import Literal

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options.environment import unknown_variable_warnings
from pytest_plexdev.options.model import Settings


def warn_of_unknown_variables(*, as_json: bool) -> None:
    """Write to standard error which ``PLEXDEV_*`` variables nothing reads; as JSON an object a line, as progress is."""
    for text in unknown_variable_warnings(os.environ):
        line = json.dumps({"event": "Warning", "text": text}) if as_json else f"plexdev: warning: {text}"
        sys.stderr.write(line + "\n")


def settings_of_environment(stack: Literal["embedded", "kind"]) -> Settings:
    """The settings of a stack that is brought up, from the environment alone.

    Raises:
        PlexdevError: ``bad-setting``: pytest refuses the value, or one of the images, as well.
    """
    from pytest_plexdev.errors.cluster import BAD_SETTING
    from pytest_plexdev.options import OptionError, resolve

    try:
        chosen = resolve({}, {**os.environ, "PLEXDEV_STACK": stack, "DEV_STACK": ""}, {})
        if chosen.images:
            from pytest_plexdev.stack.kind.images.overrides import refuse_unknown_images

            refuse_unknown_images(chosen)
    except OptionError as error:
        raise PlexdevError(BAD_SETTING, reason=str(error)) from None
    return chosen
