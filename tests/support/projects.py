"""Helpers of the tests of Projects."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any


def quarters(domain: dict[str, Any]) -> list[str]:
    return [str(each) for each in ip_network(domain["mesh_cidr"]).subnets(prefixlen_diff=2)]
