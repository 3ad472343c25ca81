"""``plexdev up``, ``status``, ``wait``, ``down``, ``env`` and ``logs``: the life cycle of the warm stack."""

from __future__ import annotations

import argparse
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.cli.output import add_json, report_done, report_result
from pytest_plexdev.cli.seed import add_seed
from pytest_plexdev.errors import WHICH_STACK, PlexdevError
from pytest_plexdev.options import OPTIONS
from pytest_plexdev.options.environment import EXPORTED

_LAST_PORT: Final = 65535


def add_stack_commands(commands: Any) -> None:
    """Add them to what ``ArgumentParser.add_subparsers`` returned; each sets ``run``."""
    up = commands.add_parser("up", help="start a stack and leave it running")
    up.add_argument(
        "--stack",
        choices=("embedded", "kind"),
        default="embedded",
        help="run as processes, or on a kind cluster; default: %(default)s",
    )
    up.add_argument(
        "--prefer",
        choices=("real", "stand-in"),
        help="embedded: use Dex and SpiceDB on PATH if installed, or always the stand-ins; default: real",
    )
    up.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="time limit; default: PLEXDEV_TIMEOUT, else 60 (kind: 300)"
    )
    up.add_argument(
        "--port", type=_port, metavar="PORT", help="embedded: port of the API (0: a free one); default: 8080"
    )
    up.add_argument(
        "--idp-port",
        type=_port,
        metavar="PORT",
        help="embedded: port of the identity provider (0: a free one); default: 5556",
    )
    add_seed(up)
    up.add_argument("--reapply", action="store_true", help="kind: apply all objects, also unchanged ones")
    up.add_argument("service", nargs="?", choices=("plexd",), help="a service that the stack omits by default")
    up.set_defaults(run=_up, refuse=up.error)

    status = commands.add_parser("status", help="show the state of every service (exit code 0 if all are ready)")
    status.set_defaults(run=_status)

    wait = commands.add_parser(
        "wait", help="wait until the stack is ready (exit code 124 on timeout, 1 if it cannot become ready)"
    )
    wait.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="time limit; default: %(default)s"
    )
    wait.set_defaults(run=_wait)

    down = commands.add_parser("down", help="stop the running stack; if both providers have one, --stack chooses")
    down.add_argument("--force", action="store_true", help="kind: delete the cluster even if plexdev did not create it")
    down.set_defaults(run=_down, refuse=down.error)

    env = commands.add_parser("env", help='print shell exports: eval "$(plexdev env)"')
    env.set_defaults(run=_env)

    logs = commands.add_parser("logs", help="print the log of a service; without SERVICE, list the services")
    logs.add_argument("service", metavar="SERVICE", nargs="?")
    logs.add_argument("--follow", "-f", action="store_true", help="print new lines until Ctrl-C")
    logs.set_defaults(run=_logs, refuse=logs.error)

    for parser in (status, wait, down, env, logs):
        add_stack_choice(parser)
    for parser in (up, status, wait, down, env, logs):
        add_json(parser)
    for parser in (status, wait, down, env, logs):
        parser.add_argument(
            "--directory",
            type=Path,
            metavar="DIR",
            help="directory of a stack that a test run kept; default: the warm stack",
        )


def add_stack_choice(parser: argparse.ArgumentParser) -> None:
    """Add ``--stack``: which of the running stacks a command speaks of."""
    parser.add_argument(
        "--stack",
        choices=("embedded", "kind"),
        help="provider, if both have a stack; default: the cluster if one exists",
    )


def _seconds(text: str) -> float:
    parse = next(option.parse for option in OPTIONS if option.name == "timeout")
    try:
        seconds: float = parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: must be {error}") from None
    return seconds


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0 to {_LAST_PORT}; 0: a free port")
    return int(text)


def _up(options: argparse.Namespace) -> int:
    if options.service is not None:
        from pytest_plexdev.cli import kind

        return kind.up_plexd()
    if options.stack == "kind":
        if options.prefer is not None:
            options.refuse("--prefer needs --stack embedded: a cluster has every service in its container")
        if options.port is not None or options.idp_port is not None:
            options.refuse(
                "--port and --idp-port need --stack embedded: the warm cluster has the ports of the product's dev "
                "stack, 8080 and 5556; a cluster of a run's own takes free ones: pytest --plexdev-stack=kind"
            )
        from pytest_plexdev.cli import kind

        return kind.up(options)
    if options.reapply:
        options.refuse("--reapply needs --stack kind: nothing is applied to plain processes")
    from pytest_plexdev.cli import embedded

    return embedded.up(options)


def _status(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli import status as cli_readiness
    from pytest_plexdev.core.tables import verdict_table

    verdicts = cli_readiness.verdicts(options.stack, directory=options.directory)
    report_result(options, {"services": [asdict(verdict) for verdict in verdicts]}, lambda: verdict_table(verdicts))
    return 0 if all(verdict.state == "ready" for verdict in verdicts) else 1


def _wait(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli import status as cli_readiness
    from pytest_plexdev.cli.progress import show

    with show(as_json=options.json) as progress:
        cli_readiness.wait(options.stack, directory=options.directory, timeout=options.timeout, progress=progress)
    if options.json:
        options.result = {"ready": True}
    return 0


def _down(options: argparse.Namespace) -> int:
    if options.directory is not None:
        if options.force:
            options.refuse(
                "--force is for the warm cluster, and not for the stack of --directory: that is plexdev's own"
            )
        return _down_kept(options)
    has_cluster = options.stack is None and _has_cluster()
    if has_cluster and _has_embedded_stack():
        raise PlexdevError(WHICH_STACK)
    if options.stack == "kind" or has_cluster:
        from pytest_plexdev.cli import kind

        return kind.down(options)
    if options.force:
        options.refuse("--force needs --stack kind: this would end the embedded stack, which is always plexdev's own")
    from pytest_plexdev.cli import embedded

    return embedded.down(options)


def _has_cluster() -> bool:
    """Whether this user made the warm cluster: by its files, and by its node's labels where those are gone.

    What else Docker has is nobody's to end by default.
    """
    from pytest_plexdev.stack.kind.settings import warm_directory

    # The second file is there while the cluster is being made, and stays where the process that made it was killed.
    if any((warm_directory() / name).exists() for name in ("kubeconfig", "creating.json")):
        return True
    if shutil.which("docker") is None:
        return False
    from pytest_plexdev.stack.kind.warm.node_status import has_our_labels

    return has_our_labels()


def _has_embedded_stack() -> bool:
    from pytest_plexdev.core.ownership.lock import is_owned
    from pytest_plexdev.stack.embedded.warm import warm_directory

    return is_owned(warm_directory())


def _down_kept(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli import embedded
    from pytest_plexdev.core.ownership.run_directory import remove_left
    from pytest_plexdev.stack import discovery

    directory: Path = options.directory
    if not discovery.end_kept_cluster(directory):
        return embedded.down(options)
    remove_left(directory.absolute().parent)
    report_done(options, ["plexdev: the stack is down"])
    return 0


def _env(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli import attach

    info = attach.find_any(options.stack, directory=options.directory).info
    api, issuer, database, nats = EXPORTED
    known = {
        api: info.endpoints.api,
        issuer: info.endpoints.issuer,
        database: info.endpoints.database,
        nats: info.endpoints.nats,
        "KUBECONFIG": str(info.cluster.kubeconfig) if info.cluster is not None else None,
    }
    # Postgres and NATS of a cluster have no address here that outlives a port-forward: kubectl is the shell's way.
    variables = {name: value for name, value in known.items() if value is not None}
    exports = (f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    report_result(options, {"variables": variables}, lambda: "\n".join(exports))
    return 0


def _logs(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli import logs as cli_logs

    if options.service is None:
        if options.follow:
            options.refuse("--follow needs a SERVICE")
        services = cli_logs.services(options.stack, directory=options.directory)
        report_result(options, {"services": services}, lambda: "\n".join(services))
    elif options.json:
        if options.follow:
            options.refuse("--follow prints continuously, but --json prints one object at the end")
        text = cli_logs.read_log(options.service, options.stack, directory=options.directory)
        options.result = {"service": options.service, "text": text}
    else:
        cli_logs.print_log(options.service, options.stack, directory=options.directory, follow=options.follow)
    return 0
