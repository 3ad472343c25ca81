"""A run's own cluster, deleted with the run however it ends."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_plexdev.core.cancellation import fail_after
from pytest_plexdev.core.model import KEPT_MARK, STACK_FILE, Progress, Service, StackInfo
from pytest_plexdev.core.ports import hold_beside_all
from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.bring_up.failure import as_gone, as_kept, with_diagnosis
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create, prerequisites, reaper
from pytest_plexdev.stack.kind.cluster.config import choose_addresses
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.stack_info import services_in, stack_info


def bring_up(settings: KindSettings, directory: Path, progress: Progress) -> StackInfo:
    """Make a cluster and bring the stack up on it; a failure leaves nothing of it behind, unless it is to be kept.

    Raises:
        PlexdevError: Whatever a bring-up can fail with.
    """
    assert settings.owner is not None
    place = ClusterFiles(settings.name, directory)
    prerequisites.check(progress)
    addresses = choose_addresses(settings)
    try:
        # That of a worker that died.
        reaper.dismiss(directory)
        place.mark()
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=directory, reason=error.strerror or str(error)) from None
    with contextlib.ExitStack() as held:
        beside = [held.enter_context(each) for each in hold_beside_all((addresses.api_port, addresses.idp_port))]
        reaper.watch_over(settings.name, directory, settings.owner, settings.run_directory, beside=beside)
    try:
        with with_diagnosis(settings, place), fail_after(settings.timeout):
            # A process of this run may have died while it made the cluster.
            create.remove(place)
            info = BringUp(settings, place, progress).on_a_new_cluster(addresses)
        info.write(directory / STACK_FILE)
    except PlexdevError as error:
        if settings.keep_failed and _keep(place):
            raise as_kept(error, place) from None
        _give_up(place)
        raise as_gone(error, place) from None
    except BaseException:
        _give_up(place)
        raise
    return info


def _keep(place: ClusterFiles) -> bool:
    """Leave the cluster as a failed bring-up left it, with what ``plexdev`` must know of it; whether there is one."""
    with contextlib.suppress(PlexdevError):
        access, container = place.access(), find_node(place.name)
        if access is not None and container is not None and create.is_ours(place, container):
            known = Ready(addresses=container.addresses, services=_services(access))
            stack_info(place, access, known, owned=True, version={}).write(place.directory / STACK_FILE)
            (place.directory / KEPT_MARK).touch()
            return True
    return False


def _services(access: Access) -> tuple[Service, ...]:
    with contextlib.suppress(PlexdevError), KubeClient(access) as client:
        return services_in(client)
    return ()


def _give_up(place: ClusterFiles) -> None:
    # What could not be deleted, the reaper deletes: it stays then.
    with contextlib.suppress(PlexdevError):
        take_down(place.name, place.directory)


def take_down(name: str, directory: Path) -> None:
    """Delete the cluster, then what watched over it and its files.

    Raises:
        PlexdevError: It could not be deleted; what watches over it and its files stay. ``owned-elsewhere``: what
            watches over it runs in another container.
    """
    place = ClusterFiles(name, directory)
    if (watching := reaper.REAPER.find(directory)) is not None:
        watching.close()
    create.remove(place)
    reaper.dismiss(directory)
    place.remove()
