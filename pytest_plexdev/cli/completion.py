"""Complete the command line in a shell: the command ``completion``, and the answers to a shell that completes."""

from __future__ import annotations

import argparse
import os
from typing import Any, Final

from pytest_plexdev.cli.output import add_json, report_result

_REQUEST: Final = "_ARGCOMPLETE"
"""The variable that a shell sets to ask for completions."""
_SHELLS: Final = ("bash", "fish", "zsh")
_INSTALLATION: Final = (
    'bash and zsh: add eval "$(plexdev completion bash)", or zsh, to ~/.bashrc or ~/.zshrc; '
    "fish: add plexdev completion fish | source to ~/.config/fish/config.fish"
)


def add_completion_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser(
        "completion", help="print the script that completes plexdev in a shell", epilog=_INSTALLATION
    )
    parser.add_argument("shell", choices=_SHELLS)
    add_json(parser)
    parser.set_defaults(run=_completion)


def answer_if_asked(parser: argparse.ArgumentParser) -> None:
    """Write the completions that a shell asks for, if one does, and end the process."""
    if _REQUEST not in os.environ:
        return
    import argcomplete  # lazy: no other start needs it

    argcomplete.autocomplete(parser)


def _completion(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    script = shellcode(["plexdev"], shell=options.shell)  # nosec B604 # the name of a shell; nothing is run
    report_result(options, {"shell": options.shell, "script": script}, lambda: script)
    return 0
