"""The marker ``plexdev_needs``: it skips a test on a stack without what the marker names.

A need is a service (``mimir``), a service that is no stand-in (``spicedb:real``), a kind of stack, or a capability.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.left_out_service import service_left_out
from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.core.model import CAPABILITIES
from pytest_plexdev.core.profiles import REPLACEABLE, SERVICES, smallest_with
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.tests import CAPABILITY_MISSING, OTHER_STACK, STAND_IN
from pytest_plexdev.session.item_checks import FIXTURE_NEEDS, NEEDS
from pytest_plexdev.stack.providers import PROVIDERS, up_command

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile, StackInfo

_REAL: Final = ":real"
_KNOWN: Final = (*SERVICES, *(f"{name}{_REAL}" for name in REPLACEABLE), *PROVIDERS, *CAPABILITIES)


def profile_for(items: Iterable[pytest.Item]) -> Profile:
    """Return the smallest profile with the services that *items* need, by the marker or by their fixtures.

    Raises:
        pytest.UsageError: A marker names nothing, or what no stack has.
    """
    return smallest_with({need for item in items for need in _checked(item)})


def skip_on_other_stack(item: pytest.Item, provider: str) -> None:
    """Skip the test if it needs another kind of stack than the run will start."""
    _skip(_other_stack(_needs(item), provider))


def skip_without(item: pytest.Item, info: StackInfo) -> None:
    """Skip the test if the stack lacks what it needs."""
    needs = _needs(item)
    _skip(_other_stack(needs, info.provider))
    _skip(_missing(needs, info))


def _skip(reasons: Iterator[PlexdevError]) -> None:
    for reason in reasons:
        pytest.skip(f"{reason.headline}; {reason.fix}")


def _other_stack(needs: Iterable[str], provider: str) -> Iterator[PlexdevError]:
    for wanted in needs:
        if wanted in PROVIDERS and wanted != provider:
            yield PlexdevError(OTHER_STACK, provider=provider, wanted=wanted, up=up_command(wanted))


def _missing(needs: Iterable[str], info: StackInfo) -> Iterator[PlexdevError]:
    services = {service.name: service for service in info.services}
    wanted = [need.removesuffix(_REAL) for need in needs if need not in (*PROVIDERS, *CAPABILITIES)]
    if missing := [name for name in wanted if name not in services]:
        yield service_left_out(info, missing)
    for name in (need.removesuffix(_REAL) for need in needs if need.endswith(_REAL)):
        if product := services[name].stands_in_for:
            yield PlexdevError(STAND_IN, service=name, product=product)
    for capability in needs:
        if capability in CAPABILITIES and capability not in info.capabilities:
            yield PlexdevError(CAPABILITY_MISSING, capability=capability)


def _needs(item: pytest.Item) -> list[str]:
    marked = [name for marker in item.iter_markers(NEEDS) for name in marker.args]
    requested = [name for each in getattr(item, "fixturenames", ()) for name in FIXTURE_NEEDS.get(each, ())]
    return [*dict.fromkeys([*marked, *requested])]


def _checked(item: pytest.Item) -> list[str]:
    for marker in item.iter_markers(NEEDS):
        if marker.kwargs or not all(isinstance(name, str) for name in marker.args):
            raise pytest.UsageError(
                f"{item.nodeid}: the marker {NEEDS} takes names, for example {NEEDS}('mimir', 'loki')"
            )
    needs = _needs(item)
    if not needs:
        raise pytest.UsageError(f"{item.nodeid}: the marker {NEEDS} names nothing, for example {NEEDS}('mimir')")
    for name in needs:
        if name not in _KNOWN:
            raise pytest.UsageError(f"{item.nodeid}: {unknown_name(f'the marker {NEEDS}', 'need', name, _KNOWN)}")
    return needs
