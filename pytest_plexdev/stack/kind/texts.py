"""The texts about a kind stack on the command line and in the summary of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.people import SIGN_IN
from pytest_plexdev.core.profiles import ON_REQUEST
from pytest_plexdev.core.provider_parts import Refusal, Started

_REFERENCE_ONLY: Final = "age-heartbeat"
"""A capability that only the reference control plane has."""


class KindTexts:
    """Implements :class:`pytest_plexdev.core.provider_parts.Texts`."""

    @property
    def refusals(self) -> Sequence[Refusal]:
        """The options of other providers, each with the reason why kind refuses it."""
        return (
            Refusal(options=("--prefer",), reason="a cluster has every service in its container"),
            Refusal(
                options=("--port", "--idp-port"),
                reason="the warm cluster has the ports of the product's dev stack, 8080 and 5556; a cluster of a run's "
                "own takes free ones: pytest --plexdev-stack=kind",
            ),
        )

    def welcome(self, started: Started, *, seconds: float) -> str:
        """The phases, what was done and skipped, and the addresses.

        Args:
            seconds: The duration of the bring-up.
        """
        info = started.info
        assert info.cluster is not None
        phases = ", ".join(f"{phase.name} {phase.seconds:.1f} s" for phase in info.phases)
        return "\n".join(
            [
                f"plexdev: the stack is ready on {info.cluster.context} ({seconds:.1f} s: {phases})",
                *(f"  {line}" for line in started.notes),
                f"  api        {info.endpoints.api}",
                f"  issuer     {info.endpoints.issuer}",
                f"  kubeconfig {info.cluster.kubeconfig}",
                f"  profile    {info.profile}; left out: {', '.join(map(_omitted, info.left_out)) or 'nothing'}",
                f"  people     {SIGN_IN}",
                "  next       pytest --dev-stack; plexdev status; plexdev down --stack kind",
            ]
        )

    def location(self, info: StackInfo) -> str:
        """The cluster and the namespace."""
        assert info.cluster is not None
        where = f"cluster {info.cluster.context}, namespace {info.cluster.namespace}"
        return where if info.cluster.owned else f"{where}: not created by plexdev, so nothing was applied to it"

    def control_plane(self, info: StackInfo) -> str:
        """The reference plane, if it runs: its images have the names of the product's. Empty otherwise."""
        is_reference = _REFERENCE_ONLY in info.capabilities
        return "plexsphere_reference, in place of the product's own images" if is_reference else ""

    def how_to_end(self, info: StackInfo) -> str:
        """The command that stops the stack, if plexdev created its cluster."""
        is_ours = info.cluster is not None and info.cluster.owned
        return "stop it with: plexdev down --stack kind" if is_ours else "plexdev did not create its cluster"


def _omitted(service: str) -> str:
    """A service that the stack omits, with the command that adds it if there is one."""
    return f"{service} (plexdev up {service} adds it)" if service in ON_REQUEST else service
