"""Settings of all property tests here."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The duration of an example depends on the load of the machine, so it has no limit.
settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")
