"""The settings of a kind stack."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.options.model import BRING_UP_SECONDS
from pytest_plexdev.stack.kind.constants import API_PORT, IDP_PORT, WARM_CLUSTER

if TYPE_CHECKING:
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.kube import Access
    from pytest_plexdev.stack.request import StackRequest

OnDrift: TypeAlias = Literal["fail", "apply", "ignore"]

FRESH_PREFIX: Final = "plexdev-"


Explain: TypeAlias = "Callable[[PlexdevError, Access | None], PlexdevError]"
"""Makes the error that the user sees of one that a bring-up raised, and of the way to the cluster if there is one."""


def _as_it_is(error: PlexdevError, _: Access | None) -> PlexdevError:
    return error


@dataclass(frozen=True, kw_only=True)
class KindSettings:
    """What to bring up, and for whom.

    Attributes:
        name: kind's name of the cluster.
        owner: A cluster of this process's run: it is deleted when the process has ended, however it did. ``None``:
            it stays until ``down``.
        timeout: Seconds that the whole bring-up may take, waiting for another process's included.
        api_port, idp_port: Host ports; 0: one that is free at that moment.
        kind_image: The node image that ours derives from; ``None``: kind's own.
        overlay: A kustomize overlay in place of ours.
        images: Image references in place of those of ``images.toml``, and of our own, by name.
        seed: The seed manifest (YAML) in place of ours; ``${ISSUER}`` in it becomes the stack's issuer.
        on_drift: What to do where the cluster has another fingerprint.
        reapply: Apply even what has the same fingerprint, and run our Jobs (migration, seed) again.
        explain: Turns a bring-up error into the one that is shown to the user. Receives the cluster's access if it is
            known.
        keep_failed: Whether an owner's cluster stays where its bring-up failed, to be looked at.
        run_directory: The owner's own directory; removed too when the owner ended without giving back the stack.
        state: Where the warm cluster's files are.
    """

    name: str = WARM_CLUSTER
    owner: ProcessId | None = None
    timeout: float = BRING_UP_SECONDS
    api_port: int = API_PORT
    idp_port: int = IDP_PORT
    kind_image: str | None = None
    overlay: Path | None = None
    images: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    seed: Path | None = None
    on_drift: OnDrift = "fail"
    reapply: bool = False
    explain: Explain = _as_it_is
    keep_failed: bool = False
    run_directory: Path | None = None
    state: Path = field(default_factory=state_directory)


def settings_for(request: StackRequest) -> KindSettings:
    """The settings that a run or a command asks for.

    Raises:
        PlexdevError: ``bad-setting``, ``seed-unusable``.
    """
    options, up, run = request.options, request.up, request.run
    settings = KindSettings(
        timeout=(up.timeout if up is not None else None) or options.timeout,
        kind_image=options.kind_image,
        overlay=options.overlay or request.overlay(),
        images=options.images,
        seed=request.seed(for_reference_plane=False),  # the product's own bootstrap may read more than the reference's
        on_drift=options.on_drift if up is None else "apply",
        reapply=up is not None and up.reapply,
        explain=request.explain,
    )
    if run is None:
        return settings
    return replace(
        settings,
        name=fresh_name(run.directory),
        owner=ProcessId.of(run.controller_pid),
        api_port=0,
        idp_port=0,
        on_drift="fail",
        keep_failed=options.keep != "never",
        run_directory=run.directory,
    )


@dataclass(frozen=True)
class Addresses:
    """The host ports of a stack, and the URLs that follow from them."""

    api_port: int = API_PORT
    idp_port: int = IDP_PORT

    @property
    def api(self) -> str:
        """The API's origin."""
        return f"http://localhost:{self.api_port}"

    @property
    def idp(self) -> str:
        """The identity provider's origin."""
        return f"http://localhost:{self.idp_port}"

    @property
    def issuer(self) -> str:
        """The identity provider's issuer URL."""
        return f"{self.idp}/dex"


def warm_directory(state: Path | None = None, name: str = WARM_CLUSTER) -> Path:
    """The directory of the warm cluster's files, whether there is one or not."""
    return (state or state_directory()) / "kind" / name


def fresh_name(run_directory: Path) -> str:
    """The name of a run's own cluster: the same for whoever of the run asks, and nobody else's."""
    return FRESH_PREFIX + hashlib.sha256(bytes(run_directory.absolute())).hexdigest()[:8]
