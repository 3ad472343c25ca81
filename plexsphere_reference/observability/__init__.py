"""Telemetry of Nodes: the ingest buffer on JetStream, and its way to and from Mimir and Loki."""

from __future__ import annotations
