"""Our own images, built by a real engine and loaded onto a real node."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access
from pytest_plexdev.stack.kind.cluster.docker_engine import docker
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.build_context import base_image, read_content
from pytest_plexdev.stack.kind.images.local import provide
from pytest_plexdev.stack.kind.images.pins import read_pins
from tests.support.tiny_image import tiny_image

pytestmark = pytest.mark.usefixtures("cluster_tools")

PROGRAMS = ("http.server", "authz.spicedb", "signer.server", "migrate", "bootstrap", "relay")


@pytest.fixture
def tiny() -> Iterator[Callable[[str], str]]:
    """Build an image with one file of the given text, always with the same name."""
    with tiny_image() as make:
        yield make


@pytest.fixture(scope="module")
def built(cluster_tools: None) -> str:
    """The image of the control plane, built from this checkout."""
    build.build()
    return "plexsphere:dev"


def test_what_is_built_already_is_not_built_again(built: str) -> None:
    began = time.monotonic()

    assert build.build() is False
    assert time.monotonic() - began < 5


def test_both_images_are_the_same_with_a_command_of_their_own(built: str) -> None:
    plane, migrate = (_inspect(image) for image in build.OUR_IMAGES)

    assert plane["RootFS"] == migrate["RootFS"]
    assert plane["Config"]["Entrypoint"] == migrate["Config"]["Entrypoint"] == ["python", "-m", "plexsphere_reference"]
    assert migrate["Config"]["Cmd"] == ["migrate", "up"]
    assert plane["Config"]["Labels"] == {build.CONTENT_LABEL: build.content_hash()}


def test_the_image_runs_unprivileged_and_cannot_write_its_code(built: str) -> None:
    modules = ", ".join(f"plexsphere_reference.{program}" for program in PROGRAMS)
    script = f"import os, sys, {modules}; print(os.getuid(), os.getgid(), os.access('/app', os.W_OK))"

    assert _python(built, script) == "65532 65532 False"


@pytest.mark.parametrize("module", ["pip", "ensurepip", "pytest_plexdev"])
def test_the_image_has_no_more_than_the_plane_needs(built: str, module: str) -> None:
    assert _python(built, f"import importlib.util as u; print(u.find_spec({module!r}))") == "None"


def test_modules_are_compiled_and_taken_as_they_are(built: str) -> None:
    """With a read-only root, modules cannot be compiled at run time: a missing or stale one would slow every start."""
    script = (
        "import sys, plexsphere_reference.http.server\n"
        "files = [m.__cached__ for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]\n"
        "flags = {open(file, 'rb').read(8)[4] for file in files}\n"
        "print(len(files) > 200, flags)"
    )

    assert _python(built, script) == "True {1}"


def test_the_same_inputs_give_the_same_layers(built: str) -> None:
    name = f"plexdev-test-{secrets.token_hex(3)}:again"
    result = docker(
        *("build", "--no-cache", "--target", "plexsphere", "--build-arg", f"PYTHON={base_image()}", "--tag", name, "-"),
        purpose="the same image, without what the builder remembers",
        timeout=300,
        stdin=read_content().context(),
    )
    try:
        assert _inspect(name)["RootFS"] == _inspect(built)["RootFS"]
    finally:
        docker("image", "rm", name, purpose="the test is over")
        _remove_stages(result.stdout)


def test_a_step_that_fails_shows_its_last_lines() -> None:
    with pytest.raises(PlexdevError, match=r"image-build-failed.*plexsphere:dev(.|\n)*python: not found"):
        build.build(base=read_pins()["busybox"].reference)

    words = ("ps", "--all", "--no-trunc", "--filter", "status=exited", "--format", "{{.Command}}")
    assert "compileall" not in docker(*words, purpose="is a container left?").stdout


def test_an_image_that_cannot_be_had_is_named() -> None:
    with pytest.raises(PlexdevError, match=r"image-missing.*127\.0\.0\.1:1/nothing:7(.|\n)*connection refused"):
        provide(["127.0.0.1:1/nothing:7"])


def test_a_node_gets_an_image_once_and_again_when_it_changed(bare_cluster: Access, tiny: Callable[[str], str]) -> None:
    cluster = bare_cluster.context.removeprefix("kind-")
    image = tiny("one")

    assert build.load(cluster, [image]) is True
    began = time.monotonic()
    assert build.load(cluster, [image]) is False
    assert time.monotonic() - began < 5
    tiny("two")
    assert build.load(cluster, [image]) is True
    assert build.load(cluster, [image]) is False


def test_our_images_come_in_one_go(bare_cluster: Access, built: str) -> None:
    cluster = bare_cluster.context.removeprefix("kind-")
    build.load(cluster)

    assert build.load(cluster) is False


def test_what_a_node_lacks_is_told(bare_cluster: Access) -> None:
    cluster = bare_cluster.context.removeprefix("kind-")
    pins = {name: pin for name, pin in read_pins().items() if name in {"busybox", "python"}}
    busybox = pins["busybox"]
    node = ("exec", f"{cluster}-control-plane", "ctr", "--namespace", "k8s.io", "images", "rm")
    docker(*node, f"docker.io/library/{busybox.reference}", purpose="the node has none")

    assert build.missing_on_node(cluster, pins) == [busybox]
    build.load(cluster, [busybox.reference])
    assert build.missing_on_node(cluster, pins) == []


def test_no_engine_is_said_at_once() -> None:
    result = _plexdev_images_build(os.environ | {"DOCKER_HOST": "unix:///nonexistent.sock"})

    assert result.startswith("plexdev[docker-silent]: Docker does not answer at unix:///nonexistent.sock")


def _plexdev_images_build(environment: dict[str, str]) -> str:
    argv = [sys.executable, "-m", "pytest_plexdev.cli.main", "images", "build"]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    return result.stderr


def _remove_stages(result: str) -> None:
    """Remove the stages that the classic builder keeps of a build without a cache, because they are duplicates."""
    ours = re.findall(r"^ ---> ([0-9a-f]{12})$", result, re.MULTILINE)
    nameless = docker("image", "ls", "--quiet", "--filter", "dangling=true", purpose="which are left?").stdout.split()
    for stage in [each for each in reversed(ours) if each in nameless]:
        subprocess.run(["docker", "image", "rm", stage], capture_output=True, check=False)


def _inspect(image: str) -> dict[str, dict[str, object]]:
    (found,) = json.loads(docker("image", "inspect", image, purpose="a test looks at it").stdout)
    assert isinstance(found, dict)
    return found


def _python(image: str, script: str) -> str:
    words = ("run", "--rm", "--read-only", "--network", "none", "--entrypoint", "python", image, "-c", script)
    return docker(*words, purpose="a test looks inside", timeout=60).stdout.strip()
