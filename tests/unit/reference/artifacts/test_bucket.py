from __future__ import annotations

import pytest

from plexsphere_reference.artifacts.s3 import VARIABLES, Bucket
from plexsphere_reference.settings import Settings, SettingsError

ENVIRONMENT = dict(zip(VARIABLES, ("http://seaweedfs:8333/", "key", "s3cret", "plexsphere"), strict=True))
DATABASE = {"PLEXSPHERE_DATABASE_URL": "postgresql://localhost/plexsphere"}


def test_the_four_variables_are_the_bucket() -> None:
    bucket = Bucket.read(ENVIRONMENT)

    assert bucket == Bucket(url="http://seaweedfs:8333", access_key="key", secret_key="s3cret", name="plexsphere")
    assert "s3cret" not in repr(bucket)


@pytest.mark.parametrize("name", VARIABLES)
def test_without_one_of_them_the_surface_says_so(name: str) -> None:
    settings = Settings.read({**DATABASE, **ENVIRONMENT, "PLEXSPHERE_CURSOR_KEY": "a-key-of-the-tests", name: ""})

    assert settings.bucket is None
    assert settings.missing_for("artifacts") == (name,)


@pytest.mark.parametrize(
    "url",
    [
        *("seaweedfs:8333", "s3://bucket", "http://", "http:///x", "http://host/path", "http://user:pass@host"),
        *("http://host?x=1", "http://host#x", "http://host:port", "http://[::1"),
    ],
)
def test_a_url_that_is_no_address_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="PLEXSPHERE_S3_URL takes http://HOST:PORT"):
        Settings.read({**DATABASE, **ENVIRONMENT, "PLEXSPHERE_S3_URL": url})
