"""The kind side of ``plexdev up`` and ``down``, and ``plexdev manifests``."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.environment import settings_of_environment
from pytest_plexdev.cli.output import add_json, report_done, report_result
from pytest_plexdev.cli.seed import add_seed, checked_seed
from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.extras import need_kind
from pytest_plexdev.doctor.advice import with_advice
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_OUT_OF_SIGHT, PLEXD_DEFERRED, TOOL_MISSING

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.stack.kind.settings import KindSettings

_FORCE: Final = "DEV_FORCE_DOWN"


def add_manifests_command(commands: Any) -> None:
    """Add ``plexdev manifests`` to what ``ArgumentParser.add_subparsers`` returned."""
    parser = commands.add_parser(
        "manifests",
        help="print the objects that are applied to the cluster",
    )
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=_manifests)


def up(options: argparse.Namespace) -> int:
    """``plexdev up --stack kind``: options ``timeout``, ``reapply``, ``seed`` and ``json``.

    What the stack is made of is said by the environment, as for pytest: PLEXDEV_OVERLAY, PLEXDEV_IMAGES,
    PLEXDEV_KIND_IMAGE, PLEXDEV_TIMEOUT.
    """
    need_kind()
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.kind.warm import attach

    settings = warm_settings(timeout=options.timeout, reapply=options.reapply, seed=_seed(options))
    began = time.monotonic()
    with show(as_json=options.json) as progress:
        info, did = attach.bring_up(settings, progress)
    import msgspec

    seconds = time.monotonic() - began
    result = {"did": did, "stack": msgspec.to_builtins(info, enc_hook=str)}
    report_result(options, result, lambda: _welcome(info, did, seconds=seconds))
    return 0


def _seed(options: argparse.Namespace) -> Path | None:
    # Which plane the images are of is not known here: the product's own bootstrap may read more than the reference's.
    return checked_seed(options.seed, for_reference_plane=False)


def up_plexd() -> int:
    """``plexdev up plexd``: declared by the runbook and deferred; it exits 69.

    Raises:
        PlexdevError: ``plexd-deferred``, always.
    """
    raise PlexdevError(PLEXD_DEFERRED, directory=deploy_directory() / "base" / "plexd")


def down(options: argparse.Namespace) -> int:
    """``plexdev down`` of the warm cluster: option ``force``, or ``DEV_FORCE_DOWN=1``."""
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.stack.kind.warm import attach

    force = options.force or os.environ.get(_FORCE) == "1"
    try:
        with show(as_json=options.json) as progress:
            lines = attach.take_down(warm_settings(), force=force, progress=progress)
    except PlexdevError as error:
        if error.failure is not TOOL_MISSING or error.facts["program"] != "docker":
            raise
        lines = _nothing_without_docker()
    report_done(options, lines)
    return 0


def _nothing_without_docker() -> list[str]:
    """What ``plexdev down`` says where no cluster can be looked for.

    Raises:
        PlexdevError: ``cluster-out-of-sight``: files say that there is, or was, one.
    """
    from pytest_plexdev.stack.kind.constants import WARM_CLUSTER
    from pytest_plexdev.stack.kind.settings import warm_directory

    if warm_directory().exists():
        raise PlexdevError(CLUSTER_OUT_OF_SIGHT, name=WARM_CLUSTER, directory=warm_directory())
    return ["plexdev: nothing to delete: no kind cluster was brought up from here, and docker is not on PATH"]


def warm_settings(*, timeout: float | None = None, reapply: bool = False, seed: Path | None = None) -> KindSettings:
    """The warm cluster as the environment wants it.

    Args:
        timeout: In place of PLEXDEV_TIMEOUT.

    Raises:
        PlexdevError: ``bad-setting``.
    """
    from pytest_plexdev.stack.kind.settings import KindSettings

    chosen = settings_of_environment("kind")
    return KindSettings(
        timeout=timeout or chosen.timeout,
        kind_image=chosen.kind_image,
        overlay=chosen.overlay,
        images=chosen.images,
        seed=seed,
        on_drift="apply",
        reapply=reapply,
        explain=with_advice,
    )


def _welcome(info: StackInfo, did: list[str], *, seconds: float) -> str:
    assert info.cluster is not None
    phases = ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in info.phases)
    return "\n".join(
        [
            f"plexdev: the stack is ready on {info.cluster.context} ({seconds:.1f} s: {phases})",
            *(f"  {line}" for line in did),
            f"  api        {info.endpoints.api}",
            f"  issuer     {info.endpoints.issuer}",
            f"  kubeconfig {info.cluster.kubeconfig}",
            f"  left out   {', '.join(info.left_out)}",
            "  next       pytest --dev-stack; plexdev status; plexdev down --stack kind",
        ]
    )


def _manifests(options: argparse.Namespace) -> int:
    need_kind()
    import yaml

    from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions
    from pytest_plexdev.stack.kind.manifests.render import render
    from pytest_plexdev.stack.kind.settings import Addresses

    settings = warm_settings(seed=_seed(options))
    objects = [
        *custom_resource_definitions(),
        *render(Addresses(), settings.images, settings.overlay, settings.seed),
    ]
    report_result(options, {"objects": objects}, lambda: str(yaml.safe_dump_all(objects, sort_keys=False)).rstrip())
    return 0
