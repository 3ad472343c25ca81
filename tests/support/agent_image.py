"""Build the example agent as an image, for tests of ``plexdev up plexd``."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pytest_plexdev.stack.kind.cluster.docker_engine import ask, docker
from pytest_plexdev.stack.kind.images.pins import BASE, read_pins
from tests.support.checkout import ROOT

FOLDER: Final = ROOT / "examples" / "agent"
BUILD_S: Final = 120.0


@contextmanager
def agent_image(*, program: str | None = None) -> Iterator[str]:
    """An image of the agent, with a name of its own, which is removed at the end of the context.

    Args:
        program: The text of the program in place of the agent's.
    """
    name = f"plexdev-test-agent-{secrets.token_hex(3)}:1"
    build(name, program=program)
    try:
        yield name
    finally:
        docker("image", "rm", "--force", name, purpose="the test is over")


def build(name: str, *, program: str | None = None) -> None:
    """Build the image by the engine's own builder, from the base that is pinned."""
    text = program if program is not None else (FOLDER / "agent.py").read_text()
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for file, content in (("Dockerfile", (FOLDER / "Dockerfile").read_text()), ("agent.py", text)):
            member = tarfile.TarInfo(file)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    arguments = {"PYTHON": read_pins()[BASE].reference}
    lines = ask(
        "docker build",
        lambda engine: list(
            engine.build(
                fileobj=io.BytesIO(context.getvalue()), custom_context=True, tag=name, buildargs=arguments, decode=True
            )
        ),
        timeout=BUILD_S,
    )
    assert not any("error" in line for line in lines), lines
