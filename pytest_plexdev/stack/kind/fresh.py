"""Start and stop a cluster that one run owns. A reaper deletes it, however the run ends."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pytest_plexdev.core.cancellation import fail_after
from pytest_plexdev.core.model import KEPT_MARK, STACK_FILE, Service, StackInfo
from pytest_plexdev.core.port_reservation import hold_beside_all
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.bring_up.failure import as_gone, as_kept, with_diagnosis
from pytest_plexdev.stack.kind.bring_up.orchestrate import BringUp
from pytest_plexdev.stack.kind.cluster import create, prerequisites, reaper
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.config import choose_addresses
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.stack_info import services_in, stack_info


def bring_up(settings: KindSettings, directory: Path, progress: Progress) -> StackInfo:
    """Create a cluster and bring the stack up on it.

    A failed bring-up deletes the cluster, unless ``settings.keep_failed`` is set.

    Raises:
        PlexdevError: Any error of a bring-up.
    """
    assert settings.owner is not None
    files = ClusterFiles(settings.name, directory)
    prerequisites.check(progress)
    addresses = choose_addresses(settings)
    try:
        # The reaper of a worker that died.
        reaper.dismiss(directory)
        files.mark()
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=directory, reason=error.strerror or str(error)) from None
    with contextlib.ExitStack() as held:
        beside = [held.enter_context(each) for each in hold_beside_all((addresses.api_port, addresses.idp_port))]
        reaper.watch_over(settings.name, directory, settings.owner, settings.run_directory, beside=beside)
    try:
        with with_diagnosis(settings, files), fail_after(settings.timeout):
            # A worker of this run may have died while it created the cluster.
            create.remove(files)
            info = BringUp(settings, files, progress).on_a_new_cluster(addresses)
        info.write(directory / STACK_FILE)
    except PlexdevError as error:
        if settings.keep_failed and _keep(files):
            raise as_kept(error, files) from None
        _clean_up(files)
        raise as_gone(error, files) from None
    except BaseException:
        _clean_up(files)
        raise
    return info


def _keep(files: ClusterFiles) -> bool:
    """Keep the cluster of a failed bring-up: write its ``stack.json`` and the mark. Returns whether there is one."""
    with contextlib.suppress(PlexdevError):
        access, container = files.access(), find_node(files.name)
        if access is not None and container is not None and create.has_our_labels(files, container):
            partial_state = Ready(addresses=container.addresses, services=_services(access))
            stack_info(files, access, partial_state, owned=True, version={}).write(files.directory / STACK_FILE)
            (files.directory / KEPT_MARK).touch()
            return True
    return False


def _services(access: Access) -> tuple[Service, ...]:
    with contextlib.suppress(PlexdevError), KubeClient(access) as client:
        return services_in(client)
    return ()


def _clean_up(files: ClusterFiles) -> None:
    # If the deletion fails, the reaper stays and deletes the cluster.
    with contextlib.suppress(PlexdevError):
        take_down(files.name, files.directory)


def take_down(name: str, directory: Path) -> None:
    """Delete the cluster, then end its reaper and remove its files.

    Raises:
        PlexdevError: The cluster could not be deleted; its reaper and its files stay. ``owned-elsewhere``: the reaper
            runs in another container.
    """
    files = ClusterFiles(name, directory)
    if (watcher := reaper.REAPER.find(directory)) is not None:
        watcher.close()
    create.remove(files)
    reaper.dismiss(directory)
    files.remove()
