"""The table of providers. Code outside ``stack/`` gets a provider through it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_plexdev.core.faults import Faults
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider import Provider
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.request import Launcher, StackRequest

PROVIDERS: Final = {
    "kind": "pytest_plexdev.stack.kind.provider:KindProvider",
    "embedded": "pytest_plexdev.stack.embedded.provider:EmbeddedProvider",
}
"""The class of each provider by the value of ``--plexdev-stack``, in the order of discovery."""
DEFAULT: Final = "embedded"
"""The provider of ``plexdev up`` without ``--stack``."""
_FAULTS: Final = {"embedded": "pytest_plexdev.stack.embedded.faults:EmbeddedFaults"}
"""The class that breaks the services of a stack for one test, by provider."""
_LAUNCHERS: Final = {"embedded": "pytest_plexdev.stack.embedded.launcher:ForkServer"}
"""The class of the launcher, by provider."""


def provider_for(name: str, request: StackRequest | None = None, *, directory: Path | None = None) -> Provider:
    """Import and create a provider. It contacts nothing.

    Args:
        name: A key of :data:`PROVIDERS`.
        request: What a bring-up is to start; not needed for a running stack.
        directory: The directory of the stack; ``None`` for the warm stack.
    """
    module, _, attribute = PROVIDERS[name].partition(":")
    provider: Provider = getattr(import_module(module), attribute)(request=request, directory=directory)
    return provider


def check_own_stack(name: str) -> None:
    """Check that a provider starts stacks for one test.

    Raises:
        PlexdevError: ``own-stack-unsupported``.
    """
    if name not in _FAULTS:
        from pytest_plexdev.errors import PlexdevError
        from pytest_plexdev.errors.changes import OWN_STACK_UNSUPPORTED

        raise PlexdevError(OWN_STACK_UNSUPPORTED, provider=name, supported=next(iter(_FAULTS)))


def launcher_of(name: str) -> Launcher:
    """Start the launcher of a provider that starts stacks for one test. The caller closes it."""
    module, _, attribute = _LAUNCHERS[name].partition(":")
    launcher: Launcher = getattr(import_module(module), attribute)()
    return launcher


def faults_of(info: StackInfo) -> Faults:
    """Return the faults of a stack for one test."""
    module, _, attribute = _FAULTS[info.provider].partition(":")
    faults: Faults = getattr(import_module(module), attribute)(info.directory)
    return faults


def providers(
    chosen: str | None = None, request: StackRequest | None = None, *, directory: Path | None = None
) -> Iterator[Provider]:
    """Iterate over the *chosen* provider, or over all in the order of the table."""
    for name in (chosen,) if chosen is not None else tuple(PROVIDERS):
        yield provider_for(name, request, directory=directory)


def check(settings: Settings) -> None:
    """Refuse option values that a provider in question cannot use.

    Raises:
        OptionError: Its text lists the valid values.
    """
    is_open = settings.dev_stack and settings.chosen_stack is None
    for provider in providers(None if is_open else settings.stack):
        provider.check(settings)


def up_command(name: str) -> str:
    """The command that brings up the warm stack of a provider."""
    return f"plexdev up{stack_option(name)}"


def stack_option(name: str) -> str:
    """The option of ``plexdev up`` that selects a provider, with a leading space; empty for the default."""
    return "" if name == DEFAULT else f" --stack {name}"
