"""The settings of a kind stack."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.profiles import DEFAULT, ON_REQUEST, WARM_DEFAULT
from pytest_plexdev.options.model import BRING_UP_SECONDS
from pytest_plexdev.stack.kind.constants import API_PORT, IDP_PORT, WARM_CLUSTER

if TYPE_CHECKING:
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.kube import Access
    from pytest_plexdev.stack.request import Explain, StackRequest

OnDrift: TypeAlias = Literal["fail", "apply", "ignore"]

FRESH_PREFIX: Final = "plexdev-"


def _unchanged(error: PlexdevError, _: Access | None) -> PlexdevError:
    return error


@dataclass(frozen=True, kw_only=True)
class KindSettings:
    """The settings of one stack on a kind cluster.

    Attributes:
        name: The name of the cluster.
        owner: The process whose end deletes the cluster; ``None``: the cluster stays until ``plexdev down``.
        timeout: Time limit of the bring-up in seconds, including the wait for another process's.
        api_port, idp_port: Host ports; 0 for any free one.
        kind_image: The base of the node image; ``None`` for kind's default.
        profile: How much of the product's dev stack it has.
        keeps_profile: Whether a running stack keeps its own profile.
        overlay: A kustomize overlay that replaces the profile's.
        images: Image references by name, in place of those of ``images.toml`` and of our own images.
        seed: A seed manifest (YAML) that replaces ours; ``${ISSUER}`` in it becomes the stack's issuer.
        on_drift: What to do if the cluster has another fingerprint.
        prune: Whether the services that *profile* omits are removed from a stack that has them.
        reapply: Apply even if the fingerprint is the same, and run our Jobs (migration, seed) again.
        explain: Adds a diagnosis to a bring-up error.
        keep_failed: Whether a run's cluster is kept if its bring-up fails.
        run_directory: The run's directory; the reaper removes it if the run ends without stopping the stack.
        state: The state directory, which has the warm cluster's files.
    """

    name: str = WARM_CLUSTER
    owner: ProcessId | None = None
    timeout: float = BRING_UP_SECONDS
    api_port: int = API_PORT
    idp_port: int = IDP_PORT
    kind_image: str | None = None
    profile: Profile = DEFAULT
    keeps_profile: bool = False
    prune: bool = False
    overlay: Path | None = None
    images: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    seed: Path | None = None
    on_drift: OnDrift = "fail"
    reapply: bool = False
    explain: Explain = _unchanged
    keep_failed: bool = False
    run_directory: Path | None = None
    state: Path = field(default_factory=state_directory)

    def for_running(self, profile: Profile) -> KindSettings:
        """The settings for a running stack that has *profile*."""
        return replace(self, profile=profile) if self.keeps_profile else self

    def would_shrink(self, current: Profile | None) -> bool:
        """Whether a stack with the profile *current* has services that these settings omit."""
        return current == "full" and self.profile == "lean"


def settings_for(request: StackRequest) -> KindSettings:
    """Derive the settings from a request.

    Raises:
        PlexdevError: ``bad-setting``, ``seed-unusable``.
    """
    options, up, run = request.options, request.up, request.run
    chosen = (up.profile if up is not None else None) or options.profile
    overlay = options.overlay or request.overlay()
    settings = KindSettings(
        timeout=(up.timeout if up is not None else None) or options.timeout,
        kind_image=options.kind_image,
        # `make dev` of the runbook has all services; another overlay has what it lists.
        profile=chosen or (WARM_DEFAULT if up is not None and overlay is None else DEFAULT),
        keeps_profile=chosen is None,
        prune=up is not None and up.prune,
        overlay=overlay,
        # A stack has no plexd until `plexdev up plexd`.
        images={name: reference for name, reference in options.images.items() if name not in ON_REQUEST},
        seed=request.seed(for_reference_plane=False),  # the product's bootstrap may accept more than the reference's
        on_drift=options.on_drift if up is None else "apply",
        reapply=up is not None and up.reapply,
        explain=request.explain,
    )
    if run is None:
        return settings
    return replace(
        settings,
        name=fresh_name(run.directory),
        profile=chosen or request.profile or DEFAULT,
        keeps_profile=False,
        owner=ProcessId.of(run.controller_pid),
        api_port=0,
        idp_port=0,
        on_drift="fail",
        keep_failed=options.keep != "never",
        run_directory=run.directory,
    )


@dataclass(frozen=True)
class Addresses:
    """The host ports of a stack, and its URLs."""

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
    """The directory of the warm cluster's files. It need not exist."""
    return (state or state_directory()) / "kind" / name


def fresh_name(run_directory: Path) -> str:
    """The name of a run's own cluster: unique to the run, and the same in all of its processes."""
    return FRESH_PREFIX + hashlib.sha256(bytes(run_directory.absolute())).hexdigest()[:8]
