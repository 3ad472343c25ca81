"""The texts on an embedded stack that the command line and the summary of a run print."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pytest_plexdev.core.model import StackInfo, up_command
from pytest_plexdev.core.people import SIGN_IN
from pytest_plexdev.core.provider_parts import Refusal, Started
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, options_of_up


class EmbeddedTexts:
    """Implements :class:`pytest_plexdev.core.provider_parts.Texts`."""

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Options that only other providers use."""
        return (
            Refusal(options=("--reapply",), reason="nothing is applied to plain processes"),
            Refusal(options=("--prune",), reason="an embedded stack has no services to remove"),
            Refusal(
                options=("--force",),
                reason="this would end the embedded stack, which is always plexdev's own",
            ),
        )

    def welcome(self, started: Started, *, seconds: float) -> str:
        """State whether the stack is new, and list the addresses."""
        info = started.info
        stand_ins = [f"{each.name} for {each.stands_in_for}" for each in info.services if each.stands_in_for]
        is_new = started.report["new"]
        first = f"ready after {seconds:.1f} s" if is_new else f"already running since {_clock(info.started_at)}"
        return "\n".join(
            [
                f"plexdev: the stack is {first}",
                f"  api        {info.endpoints.api}",
                f"  issuer     {info.endpoints.issuer}",
                f"  database   {info.endpoints.database}",
                f"  nats       {info.endpoints.nats}",
                f"  stand-ins  {', '.join(stand_ins)}",
                f"  left out   {', '.join(info.left_out)}",
                f"  people     {SIGN_IN}",
                "  next       pytest --dev-stack; plexdev login; plexdev down --stack embedded",
                *started.notes,
            ]
        )

    def location(self, info: StackInfo) -> str:
        """Empty: the stack runs on this machine."""
        return ""

    def control_plane(self, info: StackInfo) -> str:
        """Empty: the list of services includes it."""
        return ""

    def how_to_end(self, info: StackInfo) -> str:
        """The command that stops the warm stack."""
        return "stop it with: plexdev down --stack embedded"


def differences_note(settings: EmbeddedSettings, differ: Sequence[str]) -> list[str]:
    """Format how a new stack would differ from the running one, and the command that starts one.

    Args:
        settings: The settings of the new stack.
        differ: The names of the differing parts; empty: no lines.
    """
    if not differ:
        return []
    return [
        f"  note       a new stack would have another {' and '.join(differ)}:",
        f"             plexdev down --stack embedded && {up_command(dict(options_of_up(settings)))}",
    ]


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))
