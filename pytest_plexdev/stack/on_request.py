"""Services that a running stack gets on request: ``plexdev up SERVICE`` and ``plexdev down SERVICE``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import STACK_MISSING, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.core.provider_parts import Deployed
    from pytest_plexdev.stack.request import StackRequest

SERVICES: Final = ("plexd",)
"""The names of the services."""
PROVIDER: Final = "kind"
"""The provider whose stacks get them: an agent is an image."""


def add_plexd(request: StackRequest, progress: Progress, *, image: str | None) -> Deployed:
    """Deploy plexd to the warm cluster, and return once its Node is healthy.

    Args:
        request: Its options; the image of ``PLEXDEV_IMAGES`` among them.
        image: The image, which takes precedence.

    Raises:
        PlexdevError: ``plexd-deferred``: there is no image; ``stack-missing``; what
            :func:`~pytest_plexdev.stack.kind.plexd.deploy.deploy` raises.
        ProblemError: The API refused.
    """
    from pytest_plexdev.stack.discovery import find_usable
    from pytest_plexdev.stack.kind.plexd import deploy
    from pytest_plexdev.stack.kind.plexd.image import choose
    from pytest_plexdev.stack.kind.settings import settings_for

    chosen = choose(image or request.options.images.get("plexd"))
    _need_packages()
    found = find_usable(PROVIDER)
    return deploy.deploy(found.info, found.provider, settings_for(request), progress, image=chosen)


def remove_plexd(request: StackRequest, progress: Progress) -> list[str]:
    """Remove plexd from the warm cluster. Returns lines for the user; without a cluster there is nothing to remove.

    Raises:
        PlexdevError: ``foreign-cluster``; the reason why an existing cluster is unusable.
    """
    from pytest_plexdev.stack.discovery import find_any
    from pytest_plexdev.stack.kind.plexd import deploy
    from pytest_plexdev.stack.kind.settings import settings_for

    _need_packages()
    try:
        found = find_any(PROVIDER)
    except PlexdevError as error:
        if error.failure is not STACK_MISSING:
            raise
        return ["plexdev: nothing to remove: no stack runs on a cluster"]
    return deploy.remove(found.info, settings_for(request), progress)


def _need_packages() -> None:
    from pytest_plexdev.core.extras import need
    from pytest_plexdev.stack.kind.provider import MODULES

    need(PROVIDER, *MODULES)
