"""``python -P start_module.py DIRECTORY… -- MODULE ARGUMENT…``: run a module, with more directories to import from.

They are searched before the installed packages, as those of ``PYTHONPATH`` are, but after the standard library.
"""

from __future__ import annotations

import os
import runpy
import sys


def main() -> None:
    """Run the module that the command line names."""
    end = sys.argv.index("--")
    directories, (module, *arguments) = sys.argv[1:end], sys.argv[end + 1 :]
    library = os.path.dirname(os.__file__)  # noqa: PTH120 (pathlib is an import more)
    known = [place for place, entry in enumerate(sys.path) if entry in (library, os.path.join(library, "lib-dynload"))]  # noqa: PTH118 (as above)
    after = max(known, default=-1) + 1
    sys.path[after:after] = directories
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
