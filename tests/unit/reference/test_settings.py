"""The variables of the control plane's programs."""

from __future__ import annotations

import pytest

from plexsphere_reference.settings import Settings, SettingsError

DATABASE = {"PLEXSPHERE_DATABASE_URL": "postgresql://localhost/plexsphere"}


@pytest.mark.parametrize("name", ["PLEXSPHERE_NATS_URL", "PLEXSPHERE_OBS_NATS_URL"])
@pytest.mark.parametrize(
    "url", ["nats://user:s3cret@nats:port", "nats://user:s3cret@nats:0", "nats:4222", "nats://[::1"]
)
def test_a_nats_url_that_is_no_address_is_named(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is no URL of a NATS server") as raised:
        Settings.read({**DATABASE, name: url})
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("url", ["nats://nats:4222", "nats://plexsphere:s3cret@127.0.0.1:4222", "nats://nats"])
def test_a_nats_url_is_taken_as_it_is(url: str) -> None:
    assert Settings.read({**DATABASE, "PLEXSPHERE_OBS_NATS_URL": url}).obs_nats_url == url
