"""Read the timestamps that the API server writes into objects."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from pytest_plexdev.kube.resources import KubeObject


@lru_cache(maxsize=4096)
def seconds(stamp: str | None) -> float | None:
    """Convert a timestamp of the API server to Unix seconds; ``None`` for 1970, which is a default value."""
    return (datetime.fromisoformat(stamp).timestamp() or None) if stamp else None


def event_time(event: KubeObject) -> float:
    """Return when an event was last observed, in Unix seconds."""
    series = event.get("series") or {}
    meta = event["metadata"]
    stamps = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return seconds(next((stamp for stamp in stamps if stamp), meta.get("creationTimestamp"))) or 0.0
