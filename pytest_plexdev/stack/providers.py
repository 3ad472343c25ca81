"""The table of providers: everything outside ``stack/`` reaches a provider through it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_plexdev.core.provider import Provider
    from pytest_plexdev.options import Settings
    from pytest_plexdev.stack.request import StackRequest

PROVIDERS: Final = {
    "kind": "pytest_plexdev.stack.kind.provider:KindProvider",
    "embedded": "pytest_plexdev.stack.embedded.provider:EmbeddedProvider",
}
"""The class of each provider, by the value of ``--plexdev-stack``. A running stack is looked for in this order."""
DEFAULT: Final = "embedded"
"""What ``plexdev up`` starts."""


def provider_for(name: str, request: StackRequest | None = None, *, directory: Path | None = None) -> Provider:
    """The provider of that name. It is imported now and contacts nothing.

    Args:
        request: What a bring-up is to make; not needed for a stack that runs.
        directory: Of the stack; ``None``: the warm stack.
    """
    module, _, attribute = PROVIDERS[name].partition(":")
    provider: Provider = getattr(import_module(module), attribute)(request=request, directory=directory)
    return provider


def providers(
    chosen: str | None = None, request: StackRequest | None = None, *, directory: Path | None = None
) -> Iterator[Provider]:
    """The provider *chosen*, or all of them in the order of the table."""
    for name in (chosen,) if chosen is not None else tuple(PROVIDERS):
        yield provider_for(name, request, directory=directory)


def check(settings: Settings) -> None:
    """Refuse values of options that none of the stacks in question can use.

    Raises:
        OptionError: The text has the right values.
    """
    is_open = settings.dev_stack and settings.chosen_stack is None
    for provider in providers(None if is_open else settings.stack):
        provider.check(settings)


def up_command(name: str) -> str:
    """The command that brings up a warm stack of this provider."""
    return f"plexdev up{stack_option(name)}"


def stack_option(name: str) -> str:
    """The option of ``plexdev up`` that chooses this provider, after a blank; empty for the default."""
    return "" if name == DEFAULT else f" --stack {name}"
