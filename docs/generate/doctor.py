"""Render the page of the doctor from its table of failure modes."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_plexdev.doctor.model import FailureMode
from pytest_plexdev.doctor.modes import MODES

_HEAD = """\
# The doctor

`plexdev doctor` looks for the nine failure modes of the dev stack's runbook and for what a stack needs of its cluster,
on this machine and in the warm cluster (`--context`, `--kubeconfig`: in another one). It changes nothing. For what it
found it prints the evidence, why it happens and a command to paste; exit code 1 says that something was found. `--json`
is for programs. A part that it could not look at is "not examined", with the reason: it works without a cluster,
without Docker, and in somebody else's cluster.

`plexdev doctor --fix MODE` mends what is safe to mend, and only in a cluster that plexdev made. Whatever deletes
something (`docker image prune`) is printed and never run. A bring-up that failed asks the doctor by itself.

Without `--context` and `--kubeconfig` it examines the warm cluster from outside and the embedded stack too, in rows of
their own:

| row | examined |
|---|---|
| `cluster-node` | the warm cluster's container: stopped, paused, deleted, cut off from its host ports, silent, \
found by its labels though no kubeconfig leads to it, or a stranger's that only has the name |
| `cluster-kubeconfig` | our kubeconfig and those of KUBECONFIG: damaged, or a directory or a pipe |
| `cluster-node-ports` | whether Services have the NodePorts that the host ports lead to |
| `cluster-content` | of a stack that is not ready: whether a ConfigMap or Secret of it was changed by hand |
| `embedded-stack` | supervisor and servers of the one that `plexdev up` left running, each in its own protocol |
| `embedded-readyz` | what the API says of what it depends on: the probe that fails is named |
| `embedded-disk` | the room for databases and logs, where the stack keeps them |
| `embedded-cache` | whether the cache directory can be written |

`port-taken` looks at the ports of the stack that runs, and says whose they are. Of a stack of yours it prints the
command that ends that one; nothing that would end somebody else's program or container is ever advised.

This page is generated from the table, `pytest_plexdev/doctor/modes.py` (`make docs`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for mode in MODES for line in _section(mode))])


def _section(mode: FailureMode) -> Iterator[str]:
    fixable = f"`plexdev doctor --fix {mode.tag}`" if mode.fix else "by hand alone"
    yield f"## {mode.tag}: {mode.title}\n"
    yield f"| recognised by | {_cell(mode.signal)} |\n|---|---|"
    yield f"| why | {_cell(mode.explanation)} |"
    yield f"| what helps | {_cell(mode.remedy)} |"
    yield f"| mended | {fixable} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
