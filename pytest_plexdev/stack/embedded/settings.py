"""The settings of an embedded stack, and how they are passed to the supervisor."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from pytest_plexdev.core.interpreter import module_command
from pytest_plexdev.core.paths import cache_directory
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.profiles import DEFAULT

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile
    from pytest_plexdev.stack.request import StackRequest

Prefer: TypeAlias = Literal["real", "stand-in"]


def _control_plane_command(program: str) -> tuple[str, ...]:
    return (*module_command("plexsphere_reference"), program)


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The command of each program, without its arguments. ``None``: the one that its package installed."""

    api: tuple[str, ...] = field(default_factory=partial(_control_plane_command, "api"))
    signer: tuple[str, ...] = field(default_factory=partial(_control_plane_command, "signer"))
    migrate: tuple[str, ...] = field(default_factory=partial(_control_plane_command, "migrate"))
    bootstrap: tuple[str, ...] = field(default_factory=partial(_control_plane_command, "bootstrap"))
    seed_artifacts: tuple[str, ...] = field(default_factory=partial(_control_plane_command, "seed-artifacts"))
    idp: tuple[str, ...] = field(default_factory=partial(module_command, "pytest_plexdev.stack.embedded.dex_standin"))
    nats: tuple[str, ...] | None = None
    postgres: Path | None = None
    """The directory with ``postgres`` and ``initdb``."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedSettings:
    """The settings of one stack.

    Attributes:
        owner: The stack stops when this process has ended in any way; ``None``: it runs until ``down``.
        tester: The process of the owner's run that has the stack to itself: the stack stops with it too, and takes
            requests for faults. ``None``: the stack is shared.
        profile: How much of the product's dev stack it has.
        requires_profile: Whether the user chose the profile, so that none of the servers that a wheel installs may be
            missing.
        prefer: ``real`` uses Dex and SpiceDB from ``PATH`` if they are installed.
        timeout: Seconds for the whole bring-up.
        api_port: 0: the kernel chooses it. The warm stack uses 8080.
        idp_port: 0: the kernel chooses it. The warm stack uses 5556.
        run_directory: The owner's directory, which is removed too if the owner ends without releasing the stack.
        seed: The seed manifest (YAML); ``None``: the default one. ``${ISSUER}`` is replaced with the stack's issuer.
        postgres_user: How root runs Postgres: in a user namespace or as ``nobody``. ``auto`` tries them in this order.
    """

    id: str
    owner: ProcessId | None = None
    tester: ProcessId | None = None
    profile: Profile = DEFAULT
    requires_profile: bool = False
    prefer: Prefer = "real"
    timeout: float = 60.0
    api_port: int = 0
    idp_port: int = 0
    cache: Path = field(default_factory=cache_directory)
    run_directory: Path | None = None
    seed: Path | None = None
    postgres_user: Literal["auto", "nobody"] = "auto"
    programs: Programs = field(default_factory=Programs)


WARM_ID: Final = "warm"
API_PORT: Final = 8080
IDP_PORT: Final = 5556
UP_TIMEOUT_S: Final = 60.0
"""Default time limit of ``plexdev up``; a run's is longer."""


def settings_for(request: StackRequest) -> EmbeddedSettings:
    """Derive the settings from the options of a run or a command.

    Raises:
        PlexdevError: ``bad-setting``, ``seed-unusable``.
    """
    options, up, run = request.options, request.up, request.run
    chosen = (up.profile if up is not None else None) or options.profile
    settings = EmbeddedSettings(
        id=WARM_ID if run is None else run.stack_id,
        owner=ProcessId.of(run.controller_pid) if run is not None else None,
        tester=ProcessId.of(run.tester_pid) if run is not None and run.tester_pid is not None else None,
        profile=chosen or request.profile or DEFAULT,
        requires_profile=chosen is not None,
        prefer=options.prefer,
        timeout=options.timeout,
        run_directory=run.directory if run is not None else None,
        seed=request.seed(for_reference_plane=True),
    )
    if up is None:
        return settings
    default = UP_TIMEOUT_S if options.sources["timeout"] == "default" else options.timeout
    return replace(
        settings,
        prefer=up.prefer or options.prefer,
        timeout=up.timeout or default,
        api_port=API_PORT if up.port is None else up.port,
        idp_port=IDP_PORT if up.idp_port is None else up.idp_port,
    )


def options_of_up(settings: EmbeddedSettings) -> tuple[tuple[str, str], ...]:
    """Return the options with which ``plexdev up`` has these settings, without those at their default.

    Every printed command that restarts the stack has them.
    """
    options = (
        ("--profile", settings.profile, DEFAULT),
        ("--prefer", settings.prefer, "real"),
        ("--port", settings.api_port, API_PORT),
        ("--idp-port", settings.idp_port, IDP_PORT),
        ("--seed", settings.seed, None),
    )
    return tuple((name, str(value)) for name, value, default in options if value != default)


@dataclass(frozen=True)
class SupervisorInput:
    """The JSON document that the supervisor reads from its standard input."""

    settings: EmbeddedSettings
    directory: Path

    def encode(self) -> bytes:
        return json.dumps(asdict(self), default=_absolute).encode()

    @classmethod
    def decode(cls, text: bytes) -> SupervisorInput:
        raw: dict[str, Any] = json.loads(text)
        settings = EmbeddedSettings(**raw["settings"])
        programs: dict[str, Any] = raw["settings"]["programs"]
        commands = {name: tuple(value) for name, value in programs.items() if isinstance(value, list)}
        postgres = programs["postgres"]
        owner, tester = raw["settings"]["owner"], raw["settings"]["tester"]
        run_directory = raw["settings"]["run_directory"]
        seed = raw["settings"]["seed"]
        return cls(
            replace(
                settings,
                owner=ProcessId(**owner) if owner else None,
                tester=ProcessId(**tester) if tester else None,
                cache=Path(settings.cache),
                run_directory=Path(run_directory) if run_directory else None,
                seed=Path(seed) if seed else None,
                programs=Programs(**commands, postgres=Path(postgres) if postgres else None),
            ),
            Path(raw["directory"]),
        )


def _absolute(path: Path) -> str:
    # The supervisor runs in another working directory.
    return str(path.absolute())
