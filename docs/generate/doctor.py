"""Render the page of the doctor from its table of failure modes."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_plexdev.doctor.model import FailureMode
from pytest_plexdev.doctor.modes import MODES

_HEAD = """\
# The doctor

`plexdev doctor` checks this machine and the warm cluster (another one with `--context` and `--kubeconfig`) for the nine
failure modes of the dev stack's runbook, and for problems of the cluster itself. It changes nothing. For each problem
it prints the evidence, the reason and a command to paste, and it exits with code 1. `--json` prints the same for
programs. A part that could not be examined is reported as "not examined", with the reason; so the doctor works without
a cluster, without Docker, and on clusters that plexdev did not create.

`plexdev doctor --fix MODE` applies a fix that is safe, and only in a cluster that plexdev created. A command that
deletes something (`docker image prune`) is printed and never run. After a failed bring-up, the error includes the
doctor's findings.

Without `--context` and `--kubeconfig`, the doctor also examines the warm cluster from outside and the embedded stack:

| row | examined |
|---|---|
| `cluster-node` | the warm cluster's container: stopped, paused, deleted, cut off from its host ports, silent, \
without a kubeconfig, or another container of the same name |
| `cluster-kubeconfig` | plexdev's kubeconfig and those of KUBECONFIG: damaged, a directory or a pipe |
| `cluster-node-ports` | whether Services have the NodePorts of the host ports |
| `cluster-content` | whether an object of the stack was deleted by hand, or, if the stack is not ready, a ConfigMap \
or Secret edited |
| `embedded-stack` | the supervisor and the servers of the warm embedded stack, each probed in its own protocol |
| `embedded-readyz` | the API's own probes of its dependencies |
| `embedded-disk` | free disk space for databases and logs |
| `embedded-cache` | whether the cache directory is writable |

`port-taken` checks the ports of the running stack and names their holders. If a stack of yours holds a port, it prints
the command that stops that stack. It never prints a command that would stop another user's program or container.

This page is generated from the table, `pytest_plexdev/doctor/modes.py` (`make docs`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for mode in MODES for line in _section(mode))])


def _section(mode: FailureMode) -> Iterator[str]:
    fixable = f"`plexdev doctor --fix {mode.tag}`" if mode.fix else "by hand only"
    yield f"## {mode.tag}: {mode.title}\n"
    yield f"| recognised by | {_cell(mode.signal)} |\n|---|---|"
    yield f"| why | {_cell(mode.explanation)} |"
    yield f"| what helps | {_cell(mode.remedy)} |"
    yield f"| fixed by | {fixable} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
