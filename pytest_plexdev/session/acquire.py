"""Which stack a run gets: a fresh one that its processes lease together, or the one that runs already."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_plexdev.core.model import Event, Provider, StackInfo, up_command
from pytest_plexdev.errors import (
    EXTRA_MISSING,
    KEPT_STACK_MISSING,
    NOT_IN_THIS_VERSION,
    SEED_DRIFTED,
    STACK_MISSING,
    PlexdevError,
)
from pytest_plexdev.errors.cluster import (
    API_SILENT,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    SERVICE_NOT_READY,
)
from pytest_plexdev.options import OPTIONS, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_plexdev.options import Settings
    from pytest_plexdev.session.lease import Lease
    from pytest_plexdev.stack.kind.settings import KindSettings
    from pytest_plexdev.stack.providers import Wanted

Here: TypeAlias = Literal["embedded", "kind"]
"""The stacks that a machine has running for everybody to find."""
Missing: TypeAlias = Callable[[str | None], PlexdevError]
"""Makes the error for a stack that is not there, of the kind that was chosen."""

STACK_FILE: Final = "stack.json"
_UNUSABLE: Final = (
    KUBECONFIG_UNUSABLE,
    NOT_LOOPBACK,
    CLUSTER_UNREACHABLE,
    KUBE_REFUSED,
    API_SILENT,
    SERVICE_NOT_READY,
    EXTRA_MISSING,
)
"""Errors of a warm cluster that cannot be used; an embedded stack that runs can be."""
_DOCKER_ANSWERS: Final = 1.0
"""Seconds in which Docker tells of a container; it takes some 20 ms."""


@dataclass(frozen=True)
class Attached:
    """A stack, and who can say its state.

    Attributes:
        drift: The inputs of a running stack that are other than this checkout's, where that is let pass.
        passed_over: Why the warm cluster is not used, where one is known and this is another stack.
    """

    provider: Provider
    info: StackInfo
    drift: tuple[str, ...] = ()
    passed_over: str = ""


def stack_for(wanted: Wanted) -> Attached:
    """The stack of a run: the running one where the run asks for it, else a fresh one that it leases.

    Raises:
        PlexdevError: There is no such stack, or it did not come up.
    """
    refuse_attached(wanted.settings.chosen_stack)
    if wanted.settings.dev_stack:
        found = _standing(wanted.settings.chosen_stack, lambda: _warm_cluster_as(wanted))
        return _seeded_as(wanted, found) if found.info.cluster is None else found
    return Attached(wanted.fresh(wanted.directory), _lease(wanted).acquire(_unheard))


def give_back(wanted: Wanted, *, failed: bool) -> StackInfo | None:
    """End the fresh stack of a run, or leave it running where the run keeps it and return it then."""
    return None if wanted.settings.dev_stack else _lease(wanted).release(failed=failed)


def warm(chosen: Here | None = None, *, directory: Path | None = None, missing: Missing | None = None) -> Attached:
    """The stack that ``plexdev up`` or somebody else left running, as it is: found by files and sockets alone.

    Args:
        chosen: Which, where both kinds run; the cluster by default.
        directory: Of another stack that runs: one that a test run kept.
        missing: Makes the error where there is none; by default one for which Docker is asked, where there is one.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``; what is wrong with the cluster's node.
    """
    if directory is not None:
        return _kept(directory)
    return _standing(chosen, _warm_cluster, missing)


def known(chosen: Here | None = None, *, directory: Path | None = None) -> Attached:
    """What :func:`warm` gives, and a cluster's stack whose API does not answer: for what is known without it."""
    if directory is not None:
        return _kept(directory)
    return _standing(chosen, _silent_cluster)


def kept_cluster(directory: Path) -> Attached | None:
    """The stack of the cluster that a test run kept in *directory*; ``None`` where that has none."""
    file = directory / STACK_FILE
    info = StackInfo.read(file) if file.is_file() else None
    if info is None or info.cluster is None:
        return None
    from pytest_plexdev.stack.kind.settings import KindSettings

    return _cluster_of(info, KindSettings(name=info.cluster.name))


def end_kept_cluster(directory: Path) -> bool:
    """Delete the cluster that a test run kept in *directory*, if it kept one there.

    The directory's mark says which, so that what is written of the stack may be damaged.

    Raises:
        PlexdevError: It could not be deleted; ``state-damaged``, ``untrusted-path``: nothing says what is there.
    """
    from pytest_plexdev.core.ownership.lock import look

    mark = None
    with contextlib.suppress(PlexdevError):
        found = look(directory)
        mark = found.mark if found is not None else None
    if mark is None:
        attached = kept_cluster(directory)
        if attached is not None:
            attached.provider.down(attached.info)
        return attached is not None
    if mark.kind == "cluster":
        from pytest_plexdev.stack.kind.provider import KindProvider
        from pytest_plexdev.stack.kind.settings import KindSettings

        KindProvider(KindSettings(name=mark.name), directory.absolute()).down(None)
    return mark.kind == "cluster"


def refuse_attached(stack: str | None) -> None:
    """Refuse the stack that a later version brings.

    Raises:
        PlexdevError: ``not-in-this-version``.
    """
    if stack == "attached":
        raise PlexdevError(
            NOT_IN_THIS_VERSION,
            what="--plexdev-stack=attached",
            why="it runs plain processes and kind clusters; namespaces of other clusters come with a later version",
            instead="pytest --plexdev-stack=kind, or --plexdev-stack=embedded, which needs no cluster",
        )


def refuse_unknown_images(settings: Settings) -> None:
    """Refuse an image in place of one that no stack in a cluster has: nothing would ever run it.

    Raises:
        OptionError: ``--plexdev-image`` has such a name; the text has the right ones.
    """
    may_be_a_cluster = settings.dev_stack and settings.chosen_stack is None
    if not settings.images or (settings.stack == "embedded" and not may_be_a_cluster):
        return
    from pytest_plexdev.stack.kind.images.pins import read_pins, replaceable

    right = replaceable(read_pins())
    option = next(option for option in OPTIONS if option.name == "images")
    for name, reference in settings.images.items():
        if name not in right:
            said = f"{option.name_in(settings.sources['images'])}={name}={reference}"
            raise OptionError(f"{said}: NAME must be one of {', '.join(right)}")


def stack_missing(chosen: str | None) -> PlexdevError:
    """The error for a stack that is not there, by what was looked for."""
    from pytest_plexdev.stack.embedded.warm import warm_directory
    from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, context_of

    looked_for = {
        "kind": f"a kind cluster with the context {context_of(WARM_CLUSTER)}",
        "embedded": f"an embedded stack in {warm_directory()}",
    }
    places = [looked_for[chosen]] if chosen in looked_for else looked_for.values()
    option = " --stack kind" if chosen == "kind" else ""
    return PlexdevError(STACK_MISSING, looked_for=" and for ".join(places), option=option)


def _node_or_missing(chosen: str | None) -> PlexdevError:
    # Files may be gone while the cluster runs: the engine knows. What asks it is imported where there is one.
    if chosen == "embedded" or shutil.which("docker") is None:
        return stack_missing(chosen)
    from pytest_plexdev.stack.kind.warm.node_status import warm_trouble

    trouble = warm_trouble(patience=_DOCKER_ANSWERS)
    return stack_missing(chosen) if trouble is None else trouble.error


def _standing(
    chosen: str | None, of_the_cluster: Callable[[], Attached | None], missing: Missing | None = None
) -> Attached:
    attached, refusal = None, None
    if chosen != "embedded":
        try:
            attached = of_the_cluster()
        except PlexdevError as error:
            if chosen == "kind" or error.failure not in _UNUSABLE:
                raise
            refusal = error
    if attached is None and chosen != "kind":
        attached = _warm_processes()
    if attached is None:
        raise refusal or (missing or _node_or_missing)(chosen)
    return attached if refusal is None else replace(attached, passed_over=_first_line(refusal))


def _first_line(error: PlexdevError) -> str:
    from pytest_plexdev.session.output import printable

    return printable(str(error).splitlines()[0])


def _warm_cluster_as(wanted: Wanted) -> Attached | None:
    """The warm cluster's stack, brought to what the run wants it to be or refused where it is other than that."""
    from pytest_plexdev.stack.kind.warm import attach as cluster

    settings = wanted.warm_cluster()
    info = cluster.attach(settings, _unheard)
    if info is None:
        return None
    drift = cluster.drift(settings, info) if settings.on_drift == "ignore" else ()
    return _cluster_of(info, settings, drift)


def _seeded_as(wanted: Wanted, found: Attached) -> Attached:
    """Plain processes seeded as the run wants them to be, or refused where they are not."""
    from pytest_plexdev.stack.embedded import seeding

    seed, answer = wanted.seed(), wanted.settings.on_drift
    if not seeding.differs(found.info, seed):
        return found
    if answer == "ignore":
        return replace(found, drift=("seed",))
    if answer == "fail":
        options = {name: value for name, value in found.info.options if name != "--seed"}
        up = up_command(options if seed is None else {**options, "--seed": str(seed)})
        raise PlexdevError(SEED_DRIFTED, seed=seed or "ours", up=up)
    return replace(found, info=seeding.apply(found.info, seed, timeout=wanted.settings.timeout))


def _warm_cluster() -> Attached | None:
    from pytest_plexdev.stack.kind.warm import attach as cluster

    return _as_it_is(cluster.find())


def _silent_cluster() -> Attached | None:
    from pytest_plexdev.stack.kind.warm import attach as cluster

    return _as_it_is(cluster.find_silent_too())


def _as_it_is(info: StackInfo | None) -> Attached | None:
    from pytest_plexdev.stack.kind.settings import KindSettings

    return _cluster_of(info, KindSettings()) if info is not None else None


def _cluster_of(info: StackInfo, settings: KindSettings, drift: Sequence[str] = ()) -> Attached:
    # Not before there is one: it imports an HTTP client, and to say that there is no stack takes none.
    from pytest_plexdev.stack.kind.provider import KindProvider

    return Attached(KindProvider(settings, info.directory), info, tuple(drift))


def _warm_processes() -> Attached | None:
    from pytest_plexdev.stack.embedded.warm import find_warm

    info = find_warm()
    return _processes_of(info) if info is not None else None


def _processes_of(info: StackInfo) -> Attached:
    from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings

    return Attached(EmbeddedProvider(EmbeddedSettings(id=info.id), info.directory), info)


def _kept(directory: Path) -> Attached:
    from pytest_plexdev.stack.embedded.warm import find_in

    if info := find_in(directory):
        return _processes_of(info)
    attached = kept_cluster(directory)
    if attached is None:
        raise PlexdevError(KEPT_STACK_MISSING, directory=directory)
    return attached


def _lease(wanted: Wanted) -> Lease:
    from pytest_plexdev.session.lease import Lease

    return Lease(
        run_directory=wanted.directory,
        provider_factory=wanted.fresh,
        keep=wanted.settings.keep,
        output=wanted.output,
    )


def _unheard(_: Event) -> None:
    """Nobody watches a bring-up within pytest: its output is captured, and the summary has the phases."""
