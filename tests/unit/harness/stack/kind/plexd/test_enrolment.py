"""What plexd registers with, on its way into the Secret of the manifests."""

from __future__ import annotations

from pytest_plexdev.stack.kind.plexd.enrolment import Enrolment
from tests.support.manifests import DEPLOY, objects, variables, workloads

TOKEN = "psb_dev_aaaaaaaaaaaaaaaaaaaaaaaaaa_node_bbbbbbbbbbbbbbbbbbbbbbbbbb"
ENROLMENT = Enrolment(project_id="p-1", resource_handle="edge", token=TOKEN, token_id="t-1", node_id="n-1")


def test_the_agent_gets_it_from_its_secret() -> None:
    manifests = [ENROLMENT.fill_in(each) for each in objects(DEPLOY / "base" / "plexd")]
    (plexd,) = workloads(manifests)
    wired = variables(plexd.main, manifests)

    assert wired["PLEXD_BOOTSTRAP_TOKEN"] == TOKEN
    assert (wired["PLEXD_PROJECT_ID"], wired["PLEXD_RESOURCE_HANDLE"]) == ("p-1", "edge")
    assert TOKEN not in str([each for each in manifests if each["kind"] != "Secret"])


def test_no_text_of_it_has_the_token() -> None:
    assert TOKEN not in repr(ENROLMENT)
