"""Find a running stack: the warm one of any provider, or one that a test run kept.

Discovery reads files and sockets. Slower sources, such as Docker, are queried only if those name no stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_plexdev.core.provider_parts import Found
from pytest_plexdev.core.text import printable
from pytest_plexdev.errors import EXTRA_MISSING, KEPT_STACK_MISSING, STACK_MISSING, PlexdevError
from pytest_plexdev.errors.cluster import (
    API_SILENT,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    SERVICE_NOT_READY,
)
from pytest_plexdev.stack.providers import DEFAULT, PROVIDERS, provider_for, providers, stack_option

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider import Provider
    from pytest_plexdev.stack.request import StackRequest

Missing: TypeAlias = Callable[[str | None], PlexdevError]
"""Builds the error if no stack is found, from the name of the chosen provider."""
Finder: TypeAlias = "Callable[[Provider], Found | None]"
"""Finds the stack of one provider."""

_UNUSABLE: Final = (
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    API_SILENT,
    SERVICE_NOT_READY,
    EXTRA_MISSING,
)
"""Errors of an unusable warm stack; discovery continues with the next provider."""
_DOCKER_TIMEOUT_S: Final = 1.0
"""Time limit for Docker to report a container; it takes about 20 ms."""


@dataclass(frozen=True)
class Attached:
    """A running stack and its provider.

    Attributes:
        drift: The inputs of the running stack that differ from this checkout's; empty unless the run ignores drift.
        passed_over: Why the warm stack of a provider with precedence is not used; empty if there is none.
    """

    provider: Provider
    info: StackInfo
    drift: tuple[str, ...] = ()
    passed_over: str = ""


def find_usable(
    chosen: str | None = None, *, directory: Path | None = None, missing: Missing | None = None
) -> Attached:
    """Find the stack that ``plexdev up`` or a test run left running, if it is usable. Changes nothing.

    Args:
        chosen: The name of a provider; by default the first one with a warm stack.
        directory: The directory of a stack that a test run kept; find that one instead.
        missing: Builds the error if there is no stack. The default asks the providers for an obstacle first.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``; the reason why an existing stack is unusable.
    """
    return _find_kept(directory) if directory is not None else find_running(chosen, _find, missing=missing)


def find_any(chosen: str | None = None, *, directory: Path | None = None) -> Attached:
    """Like :func:`find_usable`, but also return a stack whose API does not answer."""
    return _find_kept(directory) if directory is not None else find_running(chosen, partial(_find, even_silent=True))


def find_running(
    chosen: str | None, find: Finder, *, request: StackRequest | None = None, missing: Missing | None = None
) -> Attached:
    """Find the warm stack of the chosen provider, or of the first provider that has one.

    Args:
        find: Finds the stack of one provider.
        request: See :func:`~pytest_plexdev.stack.providers.provider_for`.
        missing: See :func:`find_usable`.

    Raises:
        PlexdevError: No stack runs, or the chosen provider's is unusable.
    """
    refusal: PlexdevError | None = None
    for provider in providers(chosen, request):
        try:
            found = find(provider)
        except PlexdevError as error:
            if chosen is not None or error.failure not in _UNUSABLE:
                raise
            refusal = refusal or error
            continue
        if found is not None:
            return Attached(provider, found.info, found.drift, _first_line(refusal) if refusal is not None else "")
    raise refusal or (missing or _obstacle_or_missing)(chosen)


def find_present(*, directory: Path | None = None) -> Iterator[Provider]:
    """Iterate over the providers with a stack to stop: the warm one, or one that a test run kept in *directory*."""
    return (provider for provider in providers(directory=directory) if provider.is_present())


def stack_missing(chosen: str | None) -> PlexdevError:
    """Build ``stack-missing``, which names what each provider looked for."""
    looked_for = " and for ".join(provider.looked_for for provider in providers(chosen))
    return PlexdevError(STACK_MISSING, looked_for=looked_for, option=stack_option(chosen or DEFAULT))


def _obstacle_or_missing(chosen: str | None) -> PlexdevError:
    for provider in providers(chosen):
        if (obstacle := provider.obstacle(patience_s=_DOCKER_TIMEOUT_S)) is not None:
            return obstacle.error
    return stack_missing(chosen)


def _find(provider: Provider, *, even_silent: bool = False) -> Found | None:
    info = provider.find(even_silent=even_silent)
    return Found(info=info) if info is not None else None


def _find_kept(directory: Path) -> Attached:
    # Embedded first: its lock proves that the processes run, while a kind stack is known only from its file.
    for name in reversed(PROVIDERS):
        provider = provider_for(name, directory=directory)
        if (info := provider.find()) is not None:
            return Attached(provider, info)
    raise PlexdevError(KEPT_STACK_MISSING, directory=directory)


def _first_line(error: PlexdevError) -> str:
    return printable(error.headline)
