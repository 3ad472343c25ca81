"""Nodes that register, fall silent and come back."""

from __future__ import annotations

import my_agent

from pytest_plexdev import FreshTenant, HttpClients, NodeAgent, Project


def test_my_agent_registers_and_is_healthy(
    plexdev_tenant: FreshTenant, plexdev_project: Project, plexdev_http: HttpClients
) -> None:
    operator, api = plexdev_tenant.client, plexdev_http(None)
    resource = operator.resources.adopt(plexdev_project.id, external_ref="rack-1")
    issued = operator.bootstrap_tokens.issue(plexdev_project.id)

    agent = my_agent.Agent.register(
        api, project=plexdev_project.id, resource_handle=resource.external_ref, bootstrap_token=issued.token
    )
    agent.heartbeat(api)

    assert operator.nodes.reachability(agent.node_id).state == "healthy"


def test_a_silent_node_becomes_stale_and_comes_back(plexdev_node: NodeAgent) -> None:
    plexdev_node.heartbeat()
    plexdev_node.silence()
    plexdev_node.wait_until("stale")

    plexdev_node.heartbeat()

    assert plexdev_node.reachability() == "healthy"
