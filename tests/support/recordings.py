"""Read recordings of a real cluster (kind v0.30, Kubernetes 1.34, Envoy Gateway 1.6).

``tests/support/record_readiness.py`` wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from tests.support.checkout import ROOT

RECORDED: Final = ROOT / "tests" / "unit" / "harness" / "readiness" / "recorded"


def lines(case: str) -> list[dict[str, Any]]:
    """The recorded objects, in their order."""
    return [json.loads(line) for line in (RECORDED / f"{case}.jsonl").read_text().splitlines()]


def subject(case: str) -> ObjectRef:
    """The recorded workload."""
    return next(ObjectRef.of(item) for item in lines(case) if item["kind"] in ("Deployment", "Job"))


def moments(case: str) -> Iterator[ObjectCache]:
    """The same cache, after each recorded object."""
    cache = ObjectCache()
    for item in lines(case):
        cache.put(ObjectRef.of(item), item)
        yield cache


def end(case: str) -> ObjectCache:
    """The cache after the whole recording."""
    return ObjectCache(lines(case))
