"""Collect the files that the hooks of a project's plugins return, and which plugin returned them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.session.guard import describe

if TYPE_CHECKING:
    from pytest_plexdev.errors.base import PlexdevError

_FRAMES: Final = 3
"""Of the traceback of a hook that raised."""


def seed_of(config: pytest.Config, *, for_reference_plane: bool) -> Path | None:
    """The seed manifest of ``pytest_plexdev_seed``; a relative path counts from rootdir.

    Args:
        for_reference_plane: Whether the reference plane's bootstrap is known to read it.

    Raises:
        PlexdevError: ``seed-unusable``, ``hook-failed``.
    """
    answer = _answer(config, config.hook.pytest_plexdev_seed, says="with what the stack is seeded")
    if answer is None:
        return None
    from pytest_plexdev.core.seed_manifest import check_seed, seed_unusable

    source = _implementations(config, config.hook.pytest_plexdev_seed)
    path = _path(config, answer)
    if path is None:
        raise seed_unusable(repr(answer), f"a path is wanted, not a {type(answer).__name__}", source=source)
    check_seed(path, source=source, for_reference_plane=for_reference_plane)
    return path


def overlay_of(config: pytest.Config) -> Path | None:
    """The overlay of ``pytest_plexdev_overlay``; a relative path counts from rootdir.

    Raises:
        PlexdevError: ``hook-failed``.
    """
    return _path(config, _answer(config, config.hook.pytest_plexdev_overlay, says="what is applied to the cluster"))


def _answer(config: pytest.Config, hook: Any, *, says: str) -> object:
    from pytest_plexdev.errors.base import PlexdevError

    try:
        return hook(config=config)
    except PlexdevError:
        raise
    except Exception as error:
        raise _failed(config, hook, error, says=says) from error


def _failed(config: pytest.Config, hook: Any, error: Exception, *, says: str) -> PlexdevError:
    """The error for a hook that raised, with the project's own frames of its traceback: the first and the last two."""
    import traceback

    from pytest_plexdev.errors import HOOK_FAILED, PlexdevError

    codes = {_code(each.function) for each in hook.get_hookimpls()}
    frames = [*traceback.walk_tb(error.__traceback__)]
    # Before the hook's there are pluggy's. A generator that is not its own, say, has none: all are shown then.
    begin = next((number for number, (frame, _) in enumerate(frames) if frame.f_code in codes), 0)
    theirs = traceback.StackSummary.extract(iter(frames[begin:]))
    shown = theirs if len(theirs) <= _FRAMES else [theirs[0], *theirs[1 - _FRAMES :]]
    at = [f"{_shown(config, each.filename)}:{each.lineno}" for each in shown]
    return PlexdevError(
        HOOK_FAILED,
        detail="\n".join(f"{place}, in {each.name}\n    {each.line}" for place, each in zip(at, shown, strict=True)),
        hook=hook.name,
        file=at[0].rpartition(":")[0],
        error=describe(error),
        says=says,
        place=at[-1],
    )


def _code(function: object) -> object:
    import inspect

    wrapper: Any = getattr(function, "__func__", function)
    return getattr(inspect.unwrap(wrapper), "__code__", None)


def _path(config: pytest.Config, answer: object) -> Path | None:
    return config.rootpath / answer if isinstance(answer, (str, Path)) else None


def _implementations(config: pytest.Config, hook: Any) -> str:
    known = [_shown(config, each.plugin_name) for each in hook.get_hookimpls()]
    return f"the hook {hook.name} of {' or '.join(known)}"


def _shown(config: pytest.Config, path: str) -> str:
    root = config.rootpath
    return str(Path(path).relative_to(root) if Path(path).is_relative_to(root) else path)
