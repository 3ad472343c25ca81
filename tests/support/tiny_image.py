"""Build images with one small file, for tests of the handling of images."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator

from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.images.local import provide
from pytest_plexdev.stack.kind.images.pins import read_pins


@contextlib.contextmanager
def tiny_image() -> Iterator[Callable[[str], str]]:
    """Build an image with one file of the given text, always with the same name."""
    name = f"plexdev-test-{secrets.token_hex(3)}:1"
    made = []

    def make(text: str) -> str:
        recipe = f"FROM {read_pins()['busybox'].reference}\nRUN echo {text} > /text\n"
        docker("build", "--tag", name, "-", purpose="a test's image", timeout=120, stdin=recipe.encode())
        made.append(provide([name])[name])
        return name

    yield make
    docker("image", "rm", "--force", *made, purpose="the test is over")
