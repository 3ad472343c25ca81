"""plexd on the warm cluster: the example agent registers, is missed, and comes back as the same Node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.provider_parts import Deployed
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import DEPLOYMENT, PERSISTENT_VOLUME_CLAIM, POD, SECRET
from pytest_plexdev.stack.kind.constants import NAMESPACE, OWNER_LABEL, node_of
from pytest_plexdev.stack.kind.plexd import deploy
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.warm import attach, up
from tests.support.acme import Acme, acme_of
from tests.support.agent_image import FOLDER, agent_image, build
from tests.support.kind_stacks import ProgressRecorder, relabelled
from tests.support.warm_cluster import access_of, versions

PROGRAM = (FOLDER / "agent.py").read_text()
IDLE = "signal.signal(15, lambda *_: sys.exit(0)); up = threading.Event(); up.set(); serve_health(up); signal.pause()"
"""Statements of an agent that is ready and does nothing."""
NONE = "localhost:1/none:1"


@pytest.fixture(scope="module")
def image(settings: KindSettings) -> Iterator[str]:
    with agent_image() as name:
        yield name


@pytest.fixture
def plexd(info: StackInfo, settings: KindSettings, image: str) -> Deployed:
    """plexd, running and healthy. After the first test this changes nothing."""
    return run(info, settings, image)


@pytest.fixture
def acme(info: StackInfo, settings: KindSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acme]:
    provider = KindProvider(settings, info.directory)
    with acme_of(info, provider, tmp_path_factory.mktemp("logins")) as acme:
        yield acme


def run(info: StackInfo, settings: KindSettings, image: str) -> Deployed:
    provider = KindProvider(settings, info.directory)
    return deploy.deploy(info, provider, settings, ProgressRecorder(), image=image)


def scale(client: KubeClient, info: StackInfo, replicas: int) -> None:
    argv = [*access_of(info).kubectl, "-n", NAMESPACE, "scale", "deployment/plexd", f"--replicas={replicas}"]
    subprocess.run(argv, check=True, capture_output=True)
    assert poll(lambda: len(pods(client)) == replicas, every_s=0.2, timeout_s=30)


def pods(client: KubeClient) -> list[str]:
    items = client.list(POD, NAMESPACE, labels="app.kubernetes.io/name=plexd")["items"]
    return [each["metadata"]["name"] for each in items]


def test_it_registers_and_becomes_healthy(
    plexd: Deployed, info: StackInfo, acme: Acme, settings: KindSettings, client: KubeClient
) -> None:
    running = attach.find(settings.state, name=settings.name)
    verdicts = KindProvider(settings, info.directory).verdicts(info)
    (pod,) = pods(client)

    assert plexd.did[1:] == ["token: issued", "objects: 3 created"]
    assert acme.nodes() == [plexd.node_id]
    assert acme.reachability(plexd.node_id) == "healthy"
    assert acme.tokens() == ["consumed"]
    assert {each.name: each.state for each in verdicts}["deployment/plexd"] == "ready"
    assert running is not None
    assert "plexd" in {each.name for each in running.services}
    assert "plexd" in info.left_out
    assert "plexd" not in running.left_out
    assert "psb_" not in client.log(pod, "plexd", NAMESPACE)


def test_the_second_time_nothing_changes(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, acme: Acme, client: KubeClient
) -> None:
    before = versions(client)

    again = run(info, settings, image)

    assert again.did == [
        f"image: {image}, on the node already",
        "token: none issued, its Node is registered",
        "objects: 3 unchanged",
    ]
    assert again.node_id == plexd.node_id
    assert versions(client) == before
    assert acme.tokens() == ["consumed"]


def test_it_is_missed_and_comes_back_as_the_same_node(
    plexd: Deployed, info: StackInfo, acme: Acme, client: KubeClient
) -> None:
    """Heartbeats are aged in the database. The nightly test below waits in real time."""
    scale(client, info, 0)
    acme.silence(plexd.node_id, timedelta(seconds=91))
    stale = acme.reachability(plexd.node_id)
    acme.silence(plexd.node_id, timedelta(seconds=301))
    unreachable = acme.reachability(plexd.node_id)
    scale(client, info, 1)

    assert (stale, unreachable) == ("stale", "unreachable")
    assert acme.wait_until(plexd.node_id, "healthy", seconds=30) == "healthy"
    assert acme.nodes() == [plexd.node_id]


@pytest.mark.slow
@pytest.mark.nightly
def test_it_is_missed_in_real_time(plexd: Deployed, info: StackInfo, acme: Acme, client: KubeClient) -> None:
    scale(client, info, 0)
    try:
        assert acme.wait_until(plexd.node_id, "stale", seconds=100) == "stale"
        assert acme.wait_until(plexd.node_id, "unreachable", seconds=220) == "unreachable"
    finally:
        scale(client, info, 1)
    assert acme.wait_until(plexd.node_id, "healthy", seconds=30) == "healthy"


def test_up_starts_one_that_was_scaled_to_zero(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, client: KubeClient
) -> None:
    scale(client, info, 0)

    assert run(info, settings, image).node_id == plexd.node_id
    assert len(pods(client)) == 1


def test_a_rebuilt_image_replaces_the_pod_and_not_the_node(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, client: KubeClient
) -> None:
    before = pods(client)
    build(image, program=f"{PROGRAM}# rebuilt\n")

    again = run(info, settings, image)

    assert again.did[0] == f"image: {image}, loaded"
    assert again.did[2] == "objects: 1 changed (deployment/plexd), 2 unchanged"
    assert again.node_id == plexd.node_id
    assert pods(client) != before


def test_an_image_that_crashes_is_named_with_its_last_words(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, acme: Acme, client: KubeClient
) -> None:
    with agent_image(program="raise SystemExit('no mesh here')") as crashing:
        with pytest.raises(PlexdevError) as failed:
            run(info, settings, crashing)
        (pod,) = pods(client)
    verdicts = {each.name: each for each in KindProvider(settings, info.directory).verdicts(info)}
    healed = run(info, settings, image)

    assert failed.value.tag == "doomed-object"
    assert f"pod/{pod}" in str(failed.value)
    assert "no mesh here" in failed.value.detail
    assert f"logs -n {NAMESPACE} {pod} -c plexd" in failed.value.fix
    assert verdicts["deployment/plexd"].state == "doomed"
    assert healed.node_id == plexd.node_id
    assert acme.tokens() == ["consumed"]


def test_an_image_that_does_not_exist_replaces_nothing(
    plexd: Deployed, info: StackInfo, settings: KindSettings, acme: Acme
) -> None:
    with pytest.raises(PlexdevError) as failed:
        run(info, settings, NONE)

    assert failed.value.tag == "image-missing"
    assert failed.value.fix == f"docker pull {NONE}; another one in its place: --image plexd=REFERENCE"
    assert acme.reachability(plexd.node_id) == "healthy"


def test_without_its_volume_its_token_is_spent(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, acme: Acme, client: KubeClient
) -> None:
    client.delete(DEPLOYMENT, "plexd", NAMESPACE)
    client.delete(PERSISTENT_VOLUME_CLAIM, "plexd-identity", NAMESPACE)
    assert poll(
        lambda: client.get(PERSISTENT_VOLUME_CLAIM, "plexd-identity", NAMESPACE) is None, every_s=0.2, timeout_s=30
    )

    with pytest.raises(PlexdevError) as failed:
        run(info, settings, image)
    deploy.remove(info, settings, ProgressRecorder())
    anew = run(info, settings, image)

    assert failed.value.tag == "plexd-token-spent"
    assert "(token_consumed)" in failed.value.what
    assert plexd.node_id in failed.value.why
    assert failed.value.fix == "plexdev down plexd && plexdev up plexd"
    assert anew.node_id != plexd.node_id
    assert sorted(acme.nodes()) == sorted([plexd.node_id, anew.node_id])


def test_one_that_registers_nothing_keeps_its_token(
    info: StackInfo, settings: KindSettings, image: str, acme: Acme
) -> None:
    deploy.remove(info, settings, ProgressRecorder())
    before = acme.tokens()
    idle = PROGRAM.replace("def main() -> None:", "def main() -> None:\n    " + IDLE)
    with agent_image(program=idle) as silent, pytest.raises(PlexdevError) as failed:
        run(info, replace(settings, timeout=25.0), silent)
    unspent = acme.tokens()
    healed = run(info, settings, image)

    assert (failed.value.tag, failed.value.exit_code) == ("plexd-silent", 124)
    assert failed.value.what.startswith("plexd runs, but it registered no Node after ")
    assert healed.did[1] == "token: the one that an earlier attempt left unspent"
    assert unspent == [*before, "issued"]
    assert acme.tokens() == [*before, "consumed"]


def test_another_bring_up_keeps_it(plexd: Deployed, settings: KindSettings, image: str) -> None:
    reapplied, did = up.bring_up(replace(settings, reapply=True), ProgressRecorder())

    assert run(reapplied, settings, image).node_id == plexd.node_id
    assert "plexd" in {each.name for each in reapplied.services}
    assert not any("pruned" in line for line in did)


def test_a_new_database_gets_a_new_node(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, client: KubeClient
) -> None:
    client.delete(POD, "postgres-0", NAMESPACE)
    up.bring_up(settings, ProgressRecorder())
    _, did = up.bring_up(settings, ProgressRecorder())

    anew = run(info, settings, image)

    assert did[1].startswith("verified: ")  # a plexd that the new database does not know fails no bring-up
    assert anew.did[1].startswith(f"removed: Node {plexd.node_id} and its volume, ")
    assert anew.did[2] == "token: issued, in place of one that is not valid any more"
    assert anew.node_id != plexd.node_id


def test_a_cluster_of_somebody_else_is_left_unchanged(
    plexd: Deployed, info: StackInfo, settings: KindSettings, image: str, client: KubeClient
) -> None:
    with relabelled(client, node_of(settings.name), {OWNER_LABEL: "somebody"}):
        theirs = attach.find(settings.state, name=settings.name)
        assert theirs is not None
        with pytest.raises(PlexdevError) as refused:
            run(theirs, settings, image)
        with pytest.raises(PlexdevError) as kept:
            deploy.remove(theirs, settings, ProgressRecorder())

    assert (refused.value.tag, kept.value.tag) == ("foreign-cluster", "foreign-cluster")
    assert len(pods(client)) == 1


def test_it_is_removed_and_nothing_else(
    plexd: Deployed, info: StackInfo, settings: KindSettings, acme: Acme, client: KubeClient
) -> None:
    before = versions(client)

    lines = deploy.remove(info, settings, ProgressRecorder())

    left = attach.find(settings.state, name=settings.name)
    assert lines[0].endswith("deployment/plexd, persistentvolumeclaim/plexd-identity, secret/plexd-bootstrap")
    assert plexd.node_id in lines[1]
    assert versions(client) == {name: version for name, version in before.items() if name != "plexd"}
    assert client.get(SECRET, "plexd-bootstrap", NAMESPACE) is None
    assert plexd.node_id in acme.nodes()
    assert left is not None
    assert "plexd" in left.left_out
    assert deploy.remove(info, settings, ProgressRecorder()) == ["plexdev: nothing to remove: plexd does not run here"]
