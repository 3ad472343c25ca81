"""Call the hooks with which a project's plugins choose the seed and the overlay, and resolve the returned paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.session.guard import describe

if TYPE_CHECKING:
    from pytest_plexdev.errors.base import PlexdevError

_FRAMES: Final = 3
"""Number of frames that are shown of a hook that raised."""


def seed_of(config: pytest.Config, *, for_reference_plane: bool) -> Path | None:
    """Return the seed manifest of ``pytest_plexdev_seed``. A relative path is resolved against rootdir.

    Args:
        for_reference_plane: Whether the bootstrap of the reference plane is known to read it.

    Raises:
        PlexdevError: ``seed-unusable``, ``hook-failed``.
    """
    answer = _call(config, config.hook.pytest_plexdev_seed, provides="the seed manifest")
    if answer is None:
        return None
    from pytest_plexdev.core.seed_manifest import check_seed, seed_unusable

    source = _implementations(config, config.hook.pytest_plexdev_seed)
    path = _path(config, answer)
    if path is None:
        raise seed_unusable(repr(answer), f"it must be a path, not {type(answer).__name__}", source=source)
    check_seed(path, source=source, for_reference_plane=for_reference_plane)
    return path


def overlay_of(config: pytest.Config) -> Path | None:
    """Return the overlay of ``pytest_plexdev_overlay``. A relative path is resolved against rootdir.

    Raises:
        PlexdevError: ``hook-failed``.
    """
    return _path(config, _call(config, config.hook.pytest_plexdev_overlay, provides="the overlay"))


def _call(config: pytest.Config, hook: Any, *, provides: str) -> object:
    from pytest_plexdev.errors.base import PlexdevError

    try:
        return hook(config=config)
    except PlexdevError:
        raise
    except Exception as error:
        raise _hook_failed(config, hook, error, provides=provides) from error


def _hook_failed(config: pytest.Config, hook: Any, error: Exception, *, provides: str) -> PlexdevError:
    """The error for a hook that raised, with the first and the last two of the project's frames in its traceback."""
    import traceback

    from pytest_plexdev.errors import HOOK_FAILED, PlexdevError

    codes = {_code(each.function) for each in hook.get_hookimpls()}
    frames = [*traceback.walk_tb(error.__traceback__)]
    # The first frames are pluggy's. If the hook has no frame, for example as a foreign generator, all are used.
    begin = next((number for number, (frame, _) in enumerate(frames) if frame.f_code in codes), 0)
    own = traceback.StackSummary.extract(iter(frames[begin:]))
    shown = own if len(own) <= _FRAMES else [own[0], *own[1 - _FRAMES :]]
    at = [f"{_relative(config, each.filename)}:{each.lineno}" for each in shown]
    return PlexdevError(
        HOOK_FAILED,
        detail="\n".join(f"{place}, in {each.name}\n    {each.line}" for place, each in zip(at, shown, strict=True)),
        hook=hook.name,
        file=at[0].rpartition(":")[0],
        error=describe(error),
        provides=provides,
        place=at[-1],
    )


def _code(function: object) -> object:
    import inspect

    wrapper: Any = getattr(function, "__func__", function)
    return getattr(inspect.unwrap(wrapper), "__code__", None)


def _path(config: pytest.Config, answer: object) -> Path | None:
    return config.rootpath / answer if isinstance(answer, (str, Path)) else None


def _implementations(config: pytest.Config, hook: Any) -> str:
    known = [_relative(config, each.plugin_name) for each in hook.get_hookimpls()]
    return f"the hook {hook.name} of {' or '.join(known)}"


def _relative(config: pytest.Config, path: str) -> str:
    root = config.rootpath
    return str(Path(path).relative_to(root) if Path(path).is_relative_to(root) else path)
