"""Read the output of a job like the runner of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator


def commands_of(output: str) -> Iterator[str]:
    """Yield the commands in *output*: lines that begin with ``::`` after spaces, or contain ``##[``."""
    resumes_at: str | None = None
    for line in output.splitlines():
        command = line.strip()
        if resumes_at is not None:
            if command == f"::{resumes_at}::":
                resumes_at = None
            continue
        if command.startswith("::stop-commands::"):
            resumes_at = command.removeprefix("::stop-commands::")
        elif command.startswith("::") or "##[" in command:
            yield command
    assert resumes_at is None, "commands are still stopped"
