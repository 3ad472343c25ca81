"""A fresh stack with the profile ``full``, shared by this package's tests, and what they do to it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from pytest_plexdev.api import Client
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.testkit.factories import TenantFactory, create_project, enrol_node
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.node_agent import NodeAgent
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import FreshTenant, seeded_tenants
from tests.support.acme import acme_of
from tests.support.kind_stacks import fresh_settings


@pytest.fixture(scope="package")
def full_stack(full_images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("run")
    settings = replace(fresh_settings(directory), profile="full")
    provider = KindProvider(settings, directory / "stack")
    info = provider.up(lambda _: None).info
    stack = Stack(info, provider)
    try:
        yield stack
    finally:
        stack.close()
        provider.down(info)


@pytest.fixture(scope="package")
def full_access(full_stack: Stack) -> Access:
    assert full_stack.cluster is not None
    access = read_access(full_stack.cluster.kubeconfig, full_stack.cluster.context)
    assert access is not None
    return access


@pytest.fixture(scope="package")
def full_client(full_access: Access) -> Iterator[KubeClient]:
    with KubeClient(full_access) as client:
        yield client


@pytest.fixture(scope="package")
def operator(full_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The admin of acme-corp, who is a platform operator too."""
    with acme_of(full_stack.info, full_stack.provider, tmp_path_factory.mktemp("logins")) as acme:
        yield acme.client


@pytest.fixture(scope="package")
def tenant(full_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshTenant]:
    logins = Logins(full_stack.anonymous, tmp_path_factory.mktemp("logins"), log="")
    with TenantFactory(seeded_tenants(full_stack, logins), logins)() as tenant:
        yield tenant


@pytest.fixture(scope="package")
def node(tenant: FreshTenant) -> NodeAgent:
    return enrol_node(tenant.client, create_project(tenant.client, domain_id=tenant.domain_id))


@pytest.fixture(scope="package")
def kubectl(full_access: Access) -> Callable[..., str]:
    """Run kubectl in the stack's namespace; returns its output."""

    def run(*arguments: str) -> str:
        command = [*full_access.kubectl, "-n", NAMESPACE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="package")
def kill_on_node(full_access: Access) -> Callable[[str], None]:
    """Kill a program in its container, by the name that the kernel has of it (15 characters at most)."""
    node = f"{full_access.context.removeprefix('kind-')}-control-plane"

    def kill(program: str) -> None:
        subprocess.run(["docker", "exec", node, "pkill", "-KILL", "-x", program[:15]], check=True, timeout=30)

    return kill
