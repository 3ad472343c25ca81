"""Compare the seed of a running embedded stack with another manifest, and add what the stack lacks."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_plexdev.core.model import StackInfo, up_command
from pytest_plexdev.core.private_files import write_private
from pytest_plexdev.core.program_log import log_start
from pytest_plexdev.core.seeded_domains import tenants_in
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.errors import PROGRAM_UNFINISHED, SEED_DRIFTED, SERVER_EXITED, PlexdevError
from pytest_plexdev.stack.embedded.layout import stack_file
from pytest_plexdev.stack.embedded.processes.child import describe_status, last_lines
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.settings import Programs
from pytest_plexdev.stack.embedded.warm import read_stack

_CANDIDATE: Final = "manifest-of-a-run.yaml"


def differs(info: StackInfo, seed: Path | None) -> bool:
    """Whether the stack was seeded from another manifest than *seed*. Reads two files.

    Args:
        seed: ``None``: the default manifest.
    """
    with contextlib.suppress(FileNotFoundError):
        applied = control_plane.manifest_file(info.directory).read_text(encoding="utf-8")
        return applied != control_plane.rendered_manifest(info.endpoints.issuer, seed)
    return False


def drifted(info: StackInfo, seed: Path | None) -> PlexdevError:
    """Build the error for a stack seeded from another manifest than *seed*, with the command that starts a new one."""
    options = {name: value for name, value in info.options if name != "--seed"}
    up = up_command(options if seed is None else {**options, "--seed": str(seed)})
    return PlexdevError(SEED_DRIFTED, seed=seed or "ours", up=up)


def apply(info: StackInfo, seed: Path | None, *, timeout: float) -> StackInfo:
    """Add what the manifest has and the stack lacks; nothing is changed or removed. Concurrent runs wait.

    Args:
        seed: The manifest; ``None``: the default one.
        timeout: Seconds for the bootstrap program.

    Returns:
        The stack, with the manifest's tenants.

    Raises:
        PlexdevError: ``server-exited``, ``program-unfinished``: the bootstrap program failed.
    """
    from pytest_plexdev.core.file_lock import private_lock

    manifest = control_plane.manifest_file(info.directory)
    with private_lock(manifest.with_suffix(".lock")):
        if not differs(info, seed):
            return read_stack(info.directory)
        text = control_plane.rendered_manifest(info.endpoints.issuer, seed)
        candidate = manifest.with_name(_CANDIDATE)
        write_private(candidate, text.encode())
        _bootstrap(info, candidate, timeout=timeout)
        seeded = replace(info, tenants=tenants_in(load_yaml(text)))
        seeded.write(stack_file(info.directory))
        candidate.replace(manifest)
    return seeded


def _bootstrap(info: StackInfo, manifest: Path, *, timeout: float) -> None:
    log = info.directory / "logs" / f"{control_plane.BOOTSTRAP}.log"
    began = time.monotonic()
    has_openbao = "openbao" in info.endpoints.further
    argv = control_plane.bootstrap_arguments(Programs(), manifest, has_openbao=has_openbao)
    log_start(argv)
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                argv,
                env=_variables(info),
                cwd=info.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PlexdevError(
                PROGRAM_UNFINISHED, service=control_plane.BOOTSTRAP, seconds=timeout, log=log, detail=last_lines(log)
            ) from None
    if done.returncode != 0:
        raise PlexdevError(
            SERVER_EXITED,
            detail=last_lines(log),
            service=control_plane.BOOTSTRAP,
            status=describe_status(done.returncode),
            seconds=time.monotonic() - began,
            log=log,
        )


def _variables(info: StackInfo) -> dict[str, str]:
    variables = {
        **program_environment(),
        "PLEXSPHERE_ENV": "dev",
        "PLEXSPHERE_DATABASE_URL": info.endpoints.database or "",
    }
    if info.endpoints.spicedb is not None:
        variables["PLEXSPHERE_SPICEDB_ENDPOINT"] = info.endpoints.spicedb
        variables["PLEXSPHERE_SPICEDB_PRESHARED_KEY"] = info.endpoints.spicedb_key or ""
    return variables
