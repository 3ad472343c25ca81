"""Measure the stack on a kind cluster: a fresh one of each profile beyond the cluster alone, and the warm one again."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.figure import ROOT, Figure, LeftOut, plexdev_argv, pytest_argv, seconds_of, timed
from benchmarks.timed_project import make_project, setup_seconds
from pytest_plexdev.cli.environment import request_for
from pytest_plexdev.core.model import Profile
from pytest_plexdev.stack.kind.constants import node_of
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import deployed, override, read_pins
from pytest_plexdev.stack.kind.settings import settings_for

_RUNS: Final = 5
_FRESH: Final = 3
_FRESH_PROMISES: Final[Mapping[Profile, float]] = {"lean": 20, "full": 40}
"""Seconds beyond the cluster alone."""
_WARM: Final = "plexsphere"
_MEMORY: Final = re.compile(r"([\d.]+)([MG]iB)")
_NOTHING_LOADED: Final = "images: up to date, on the node already"
_IMAGES: Final = ("build", "load")
"""Phases of a bring-up that build or load our images."""
_UP: Final = ("up", "--stack", "kind", "--json")


def run() -> Sequence[Figure]:
    """Time fresh clusters and the warm one, which is created and deleted again if it was missing.

    Raises:
        LeftOut: Docker or kind is missing.
    """
    require_kind()
    with _warm_cluster():
        again = [seconds_of(plexdev_argv(*_UP), cwd=ROOT) for _ in range(_RUNS)]
        images = [_seconds_for_images() for _ in range(_FRESH)]
        attach = _attach()
        golden = pytest_argv("--dev-stack", "--plexdev-stack=kind", "-m", "golden")
        warm = [seconds_of(golden, cwd=ROOT) for _ in range(_RUNS)]
        profile, memory = _memory_of_node()
    return [
        Figure(what="kind: golden, --dev-stack", samples=warm, unit="s", promise=5, reference="40 s (runbook)"),
        Figure(what="kind: --dev-stack, attach", samples=attach, unit="ms", promise=300, reference="—"),
        Figure(what="kind: plexdev up, nothing to do", samples=again, unit="s", promise=3, reference="—"),
        Figure(
            what="kind: plexdev up --reapply, its images",
            samples=images,
            unit="s",
            promise=1,
            reference="27 s (kind load of eight)",
        ),
        Figure(what=f"kind: memory of the node, {profile}", samples=[memory], unit="GiB", promise=4, reference="—"),
        *(_fresh_figure(each, promise) for each, promise in _FRESH_PROMISES.items()),
    ]


def require_kind() -> None:
    """Raise :class:`LeftOut` if no kind cluster can be created."""
    for program in ("docker", "kind", "kubectl"):
        if shutil.which(program) is None:
            raise LeftOut(f"{program} is not on PATH")
    answer = subprocess.run(["docker", "info"], capture_output=True, encoding="utf-8", check=False)
    if answer.returncode != 0:
        raise LeftOut(f"Docker does not answer: {answer.stderr.strip()}")


@contextmanager
def _warm_cluster() -> Iterator[None]:
    was_there = _WARM in timed(["kind", "get", "clusters"], cwd=ROOT)[1].split()
    seconds_of(plexdev_argv(*_UP), cwd=ROOT)
    try:
        yield
    finally:
        if not was_there:
            seconds_of(plexdev_argv("down", "--stack", "kind"), cwd=ROOT)


def _seconds_for_images() -> float:
    """Seconds that a bring-up with --reapply spends on unchanged images."""
    answer: dict[str, Any] = json.loads(timed(plexdev_argv(*_UP, "--reapply"), cwd=ROOT)[1])["result"]
    if _NOTHING_LOADED not in answer["did"]:
        raise SystemExit(f"images were built or loaded though nothing changed: {answer['did']}")
    return sum(float(phase["seconds"]) for phase in answer["stack"]["phases"] if phase["name"] in _IMAGES)


def _attach() -> list[float]:
    with tempfile.TemporaryDirectory() as name:
        project = make_project(Path(name))
        return [1000 * _setup(project, "--dev-stack", "--plexdev-stack=kind") for _ in range(_RUNS)]


def _setup(project: Path, *options: str) -> float:
    (seconds,) = setup_seconds(project, *options)
    return seconds


def _memory_of_node() -> tuple[str, float]:
    """The profile of the warm stack, and the memory of its node in GiB, without the cache of files."""
    stack = json.loads(timed(plexdev_argv(*_UP), cwd=ROOT)[1])["result"]["stack"]
    stats = ["docker", "stats", "--no-stream", "--format", "{{json .MemUsage}}", node_of(_WARM)]
    used, unit = _MEMORY.findall(timed(stats, cwd=ROOT)[1])[0]
    return stack["profile"], float(used) * {"MiB": 1 / 1024, "GiB": 1.0}[unit]


def _fresh_figure(profile: Profile, promise: float) -> Figure:
    """A cluster alone and a fresh stack, alternating because a machine's speed drifts within minutes."""
    alone, fresh = [], []
    with tempfile.TemporaryDirectory() as name:
        project = make_project(Path(name))
        for _ in range(_FRESH):
            alone.append(_cluster_alone(Path(name), profile))
            fresh.append(_setup(project, "--plexdev-stack=kind", f"--plexdev-profile={profile}"))
    return Figure(
        what=f"kind: fresh stack to ready, {profile}, over the cluster alone",
        samples=[stack - cluster for stack, cluster in zip(fresh, alone, strict=True)],
        unit="s",
        promise=promise,
        reference=f"3 min (runbook); here {min(fresh):.0f} s, the cluster alone {min(alone):.0f} s",
    )


def _cluster_alone(directory: Path, profile: Profile) -> float:
    name = f"plexdev-bench-{secrets.token_hex(3)}"
    kubeconfig = ["--kubeconfig", str(directory / "kubeconfig")]
    image = _node_image(profile)
    chosen = ["--image", image] if image else []
    try:
        return seconds_of(["kind", "create", "cluster", "--name", name, *kubeconfig, *chosen], cwd=directory)
    finally:
        seconds_of(["kind", "delete", "cluster", "--name", name, *kubeconfig], cwd=directory)


def _node_image(profile: Profile) -> str | None:
    """The node image that this checkout's bring-up uses for a profile; ``None``: kind's default."""
    settings = settings_for(request_for("kind"))
    return derived(settings.kind_image, override(deployed(read_pins(), profile), settings.images))
