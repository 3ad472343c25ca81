"""OpenBao of a cluster: sign-ins that need it, while its Pod is away, empty or of another token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_plexdev.api.transport import new_http_client
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.secret_store import open_secret_store
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import seeded_tenants
from tests.support.kind_stacks import replaced_secret

ACME = "/domains/01985a00-0000-7000-8000-00000000ac01/dex"
AWAY = "OpenBao, which has the client secret of this IdP binding, cannot be read"
TIMEOUT_S = 60.0
Kubectl = Callable[..., str]
SignIn = Callable[[], str]


@pytest.fixture
def sign_in(full_stack: Stack, tmp_path: Path) -> SignIn:
    """Sign in to acme-corp, without a cache. Returns the outcome in a word, or the error's text."""
    attempts = iter(range(10_000))

    def attempt() -> str:
        logins = Logins(full_stack.anonymous, tmp_path / str(next(attempts)), log="")
        try:
            return seeded_tenants(full_stack, logins)["acme-corp"].login.whoami().principal_type or "nobody"
        except PlexdevError as error:
            return str(error)

    return attempt


@pytest.fixture(autouse=True)
def _as_before(kubectl: Kubectl, sign_in: SignIn) -> Iterator[None]:
    """Leave an OpenBao that serves, for the tests of other modules."""
    yield
    kubectl("scale", "deployment/openbao", "--replicas=1")
    kubectl("rollout", "status", "deployment/openbao", "--timeout=90s")
    assert poll(sign_in, until=lambda outcome: outcome == "user", every_s=0.5, timeout_s=TIMEOUT_S) == "user"


def _secretstore(stack: Stack) -> tuple[bool, bool]:
    """Whether the probe succeeds, and whether its failure is informational."""
    with new_http_client(stack.api_url) as client:
        probes = client.get(f"{stack.api_url}/readyz").json()["probes"]
    (probe,) = [each for each in probes if each["name"] == "secretstore"]
    return probe["ok"], probe.get("informational", False)


def test_acme_signs_in_with_the_secret_in_openbao(full_stack: Stack, sign_in: SignIn) -> None:
    with open_secret_store(full_stack, warn=pytest.fail) as secrets:
        assert sign_in() == "user"
        secrets.write(ACME, {"client_secret": "another-than-dex-has"})
        refused = sign_in()

    assert "the identity provider of this IdP binding cannot be used" in refused
    assert sign_in() == "user"


def test_a_sign_in_without_openbao_is_refused_and_recovers(
    full_stack: Stack, kubectl: Kubectl, sign_in: SignIn
) -> None:
    kubectl("scale", "deployment/openbao", "--replicas=0")
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=openbao", "--timeout=60s")
    away = sign_in()
    states = {verdict.name.partition("/")[2]: verdict.state for verdict in full_stack.verdicts()}
    probe = _secretstore(full_stack)
    kubectl("scale", "deployment/openbao", "--replicas=1")

    assert AWAY in away
    assert probe == (False, True)
    assert states["plexsphere"] == "ready"
    assert poll(sign_in, until=lambda outcome: outcome == "user", every_s=0.5, timeout_s=TIMEOUT_S) == "user"


@pytest.mark.parametrize("how", ["pod deleted", "container killed"])
def test_the_seeded_secrets_are_put_back(full_stack: Stack, kubectl: Kubectl, sign_in: SignIn, how: str) -> None:
    with open_secret_store(full_stack, warn=pytest.fail) as secrets:
        secrets.write("/domains/of-a-test", {"x": "lost-with-the-memory"})
    before = _container_id(kubectl)
    if how == "pod deleted":
        kubectl("delete", "pod", "-l", "app.kubernetes.io/name=openbao")
    else:
        kubectl("exec", "deployment/openbao", "-c", "openbao", "--", "sh", "-c", "kill 1")

    def is_new() -> bool:
        now = _container_id(kubectl)
        return bool(now) and now != before

    assert poll(is_new, every_s=0.5, timeout_s=TIMEOUT_S)
    kubectl("rollout", "status", "deployment/openbao", "--timeout=90s")
    # Ready only with its secrets: the first sign-in after that succeeds.
    assert poll(lambda: _secretstore(full_stack)[0], every_s=0.2, timeout_s=TIMEOUT_S)
    assert sign_in() == "user"


def test_a_token_that_openbao_refuses_is_named(
    full_stack: Stack, full_client: KubeClient, kubectl: Kubectl, sign_in: SignIn
) -> None:
    try:
        with replaced_secret(full_client, "openbao-credentials", "BAO_DEV_ROOT_TOKEN_ID", "another-root-token"):
            _restart(kubectl)
            refused = poll(sign_in, until=lambda outcome: AWAY in outcome, every_s=0.5, timeout_s=TIMEOUT_S)
            log = full_stack.log("plexsphere")
            probe = _secretstore(full_stack)
    finally:
        _restart(kubectl)

    assert AWAY in refused
    assert 'reason="answers 403: permission denied"' in log
    assert probe == (False, True)


def _restart(kubectl: Kubectl) -> None:
    kubectl("delete", "pod", "-l", "app.kubernetes.io/name=openbao")
    kubectl("rollout", "status", "deployment/openbao", "--timeout=90s")


def _container_id(kubectl: Kubectl) -> str:
    path = '{.items[*].status.containerStatuses[?(@.name=="openbao")].containerID}'
    return kubectl("get", "pod", "-l", "app.kubernetes.io/name=openbao", "-o", f"jsonpath={path}").strip()
