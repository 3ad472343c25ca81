"""``python -m benchmarks [NAME …]``: run the named benchmarks (default: all) and print one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from benchmarks.figure import Figure, LeftOut, print_table

_NAMES: Final = (
    "plugin_cost",
    "evidence_cost",
    "golden_flow",
    "dev_stack",
    "own_stack",
    "reset",
    "control_plane",
    "readiness",
    "kind_stack",
)


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks (default: all); return 1 if a promise is not kept."""
    unknown = set(names) - set(_NAMES)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(_NAMES)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    left_out = []
    for name in names or _NAMES:
        try:
            figures += import_module(f"benchmarks.{name}").run()
        except LeftOut as reason:
            left_out.append(f"left out: {name}: {reason}")
    print_table(figures)
    print("\n".join(left_out))
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
