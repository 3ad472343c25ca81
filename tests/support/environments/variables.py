"""Environments with variables of a user's shell that the stack and our connections must ignore."""

from __future__ import annotations

from typing import Final

from tests.support.environments.model import Environment

_INSPECT: Final = """
import os

def pytest_configure():
    os.environ["PYTHONINSPECT"] = "1"

def pytest_unconfigure():
    del os.environ["PYTHONINSPECT"]
"""

VARIABLES: Final = (
    Environment(name="locale-unknown", variables={"LANG": None, "LC_ALL": "xx_YY.UTF-8"}),
    Environment(name="locale-latin-1", variables={"LANG": "de_DE.ISO-8859-1", "LANGUAGE": "de"}),
    Environment(
        name="a-proxy-for-everything",
        variables={
            name: "http://127.0.0.1:9"
            for scheme in ("http", "https", "all", "grpc", "ws")
            for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())
        },
    ),
    # Not for pytest itself, which would end in a prompt.
    Environment(name="python-inspect", files={"conftest.py": _INSPECT}),
    Environment(
        name="python-strict",
        variables={"PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
    ),
    Environment(
        name="python-startup",
        variables={"PYTHONSTARTUP": "{place}/none.py", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"},
    ),
    Environment(name="pgservice", variables={"PGSERVICE": "nosuch"}),
    Environment(
        name="pghostaddr",
        variables={
            "PGHOSTADDR": "192.0.2.1",
            "PGHOST": "192.0.2.1",
            "PGPORT": "1",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": "/nosuch",
            "PGREQUIRESSL": "1",
            "PGGSSENCMODE": "require",
            "PGCHANNELBINDING": "require",
            "PGREQUIREAUTH": "md5",
            "PGTARGETSESSIONATTRS": "standby",
            "PGOPTIONS": "-c nosuch.setting=1 -c statement_timeout=1",
            "PGTZ": "no/such",
            "PGDATESTYLE": "nosuch",
            "PGCLIENTENCODING": "nosuch",
            "PGCONNECT_TIMEOUT": "x",
            "PGDATABASE": "nosuch",
            "PGUSER": "nosuch",
            "PGPASSFILE": "/nosuch",
            "PGDATA": "/nosuch",
        },
    ),
    Environment(
        name="servers-configured",
        variables={
            "UVICORN_HOST": "192.0.2.1",
            "UVICORN_WORKERS": "4",
            "WEB_CONCURRENCY": "4",
            "NATS_URL": "nats://192.0.2.1",
            "SPICEDB_GRPC_ADDR": "192.0.2.1:1",
            "DEX_ISSUER": "x",
            "PLEXSPHERE_ENV": "prod",
            "PLEXSPHERE_SIGNER_ENDPOINT": "192.0.2.1:1",
            "GRPC_DNS_RESOLVER": "nosuch",
            "GRPC_VERBOSITY": "debug",
            "SSL_CERT_FILE": "/nosuch",
            "SSL_CERT_DIR": "/nosuch",
            "OPENSSL_CONF": "/nosuch",
            "MALLOC_PERTURB_": "85",
            "GODEBUG": "x509sha1=1",
            "GOMAXPROCS": "1",
            "NETRC": "/nosuch",
            "TZ": "no/such-zone",
        },
    ),
)
