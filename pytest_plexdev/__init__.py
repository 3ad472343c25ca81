"""A pytest plugin and fixture harness for the plexsphere dev stack: the public names.

They are imported when they are first used: pytest imports this package at every start. The modules of
:mod:`pytest_plexdev.api`, with the objects that the client returns, are public too. Everything else is private.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.api import Client
    from pytest_plexdev.api.domains import FASTEST_POLICY, Domain, ReachabilityPolicy
    from pytest_plexdev.api.observability import AuditEvent, LogLine, MetricSample
    from pytest_plexdev.api.problems import ProblemError
    from pytest_plexdev.api.projects import Project
    from pytest_plexdev.core.model import Cluster, Endpoints, Phase, SeededTenant, Service, StackInfo, Verdict
    from pytest_plexdev.core.service_credentials import ServiceCredentials
    from pytest_plexdev.errors import PlexdevError
    from pytest_plexdev.testkit.assertions import assert_problem
    from pytest_plexdev.testkit.browser_state import BrowserCookie, BrowserState, BrowserStates
    from pytest_plexdev.testkit.bucket import Bucket
    from pytest_plexdev.testkit.events import Event, Events
    from pytest_plexdev.testkit.eventually import eventually
    from pytest_plexdev.testkit.factories import MakeNode, MakeProject, MakeTenant, TenantFactory
    from pytest_plexdev.testkit.faults import Fault
    from pytest_plexdev.testkit.http_clients import AsyncHttpClients, HttpClients
    from pytest_plexdev.testkit.login import Login, Logins
    from pytest_plexdev.testkit.logs import LogEntry, Logs
    from pytest_plexdev.testkit.metrics import Metrics, Series
    from pytest_plexdev.testkit.node_agent import NodeAgent
    from pytest_plexdev.testkit.oidc import Oidc
    from pytest_plexdev.testkit.oidc_types import OidcClient, OidcTokens
    from pytest_plexdev.testkit.own_stack import OwnStack
    from pytest_plexdev.testkit.people import MakePerson, Person
    from pytest_plexdev.testkit.secret_store import DomainSecrets, SecretStore
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant, Tenant, Tenants

__all__ = [
    "FASTEST_POLICY",
    "AsyncHttpClients",
    "AuditEvent",
    "BrowserCookie",
    "BrowserState",
    "BrowserStates",
    "Bucket",
    "Client",
    "Cluster",
    "Domain",
    "DomainSecrets",
    "Endpoints",
    "Event",
    "Events",
    "Fault",
    "FreshTenant",
    "HttpClients",
    "LogEntry",
    "LogLine",
    "Login",
    "Logins",
    "Logs",
    "MakeNode",
    "MakePerson",
    "MakeProject",
    "MakeTenant",
    "MetricSample",
    "Metrics",
    "NodeAgent",
    "Oidc",
    "OidcClient",
    "OidcTokens",
    "OwnStack",
    "Person",
    "Phase",
    "PlexdevError",
    "ProblemError",
    "Project",
    "ReachabilityPolicy",
    "SecretStore",
    "SeededTenant",
    "Series",
    "Service",
    "ServiceCredentials",
    "Stack",
    "StackInfo",
    "Tenant",
    "TenantFactory",
    "Tenants",
    "Verdict",
    "assert_problem",
    "eventually",
]

_HOMES = {
    "FASTEST_POLICY": "api.domains",
    "BrowserCookie": "testkit.browser_state",
    "BrowserState": "testkit.browser_state",
    "BrowserStates": "testkit.browser_state",
    "Bucket": "testkit.bucket",
    "AsyncHttpClients": "testkit.http_clients",
    "AuditEvent": "api.observability",
    "Client": "api",
    "Cluster": "core.model",
    "Domain": "api.domains",
    "DomainSecrets": "testkit.secret_store",
    "Endpoints": "core.model",
    "Event": "testkit.events",
    "Events": "testkit.events",
    "Fault": "testkit.faults",
    "FreshTenant": "testkit.tenancy",
    "HttpClients": "testkit.http_clients",
    "LogEntry": "testkit.logs",
    "LogLine": "api.observability",
    "Login": "testkit.login",
    "Logins": "testkit.login",
    "Logs": "testkit.logs",
    "MakeNode": "testkit.factories",
    "MakePerson": "testkit.people",
    "MakeProject": "testkit.factories",
    "MakeTenant": "testkit.factories",
    "MetricSample": "api.observability",
    "Metrics": "testkit.metrics",
    "NodeAgent": "testkit.node_agent",
    "Oidc": "testkit.oidc",
    "OidcClient": "testkit.oidc_types",
    "OidcTokens": "testkit.oidc_types",
    "OwnStack": "testkit.own_stack",
    "Person": "testkit.people",
    "Phase": "core.model",
    "PlexdevError": "errors",
    "ProblemError": "api.problems",
    "Project": "api.projects",
    "ReachabilityPolicy": "api.domains",
    "SecretStore": "testkit.secret_store",
    "SeededTenant": "core.model",
    "Series": "testkit.metrics",
    "Service": "core.model",
    "ServiceCredentials": "core.service_credentials",
    "Stack": "testkit.stack",
    "StackInfo": "core.model",
    "Tenant": "testkit.tenancy",
    "TenantFactory": "testkit.factories",
    "Tenants": "testkit.tenancy",
    "Verdict": "core.model",
    "assert_problem": "testkit.assertions",
    "eventually": "testkit.eventually",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        # `from pytest_plexdev import module` calls this before it imports the module: no suggestion is needed.
        if not name[:1].isupper():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pytest_plexdev.core.lookup import nearest

        suggestion = f"; did you mean {meant}?" if (meant := nearest(name, _HOMES)) is not None else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{suggestion}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
