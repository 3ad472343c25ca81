"""A machine on which ``localhost`` is ``::1`` first, where another user's program listens on the stack's ports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.another_user import PYTHON, RECORDS

ROOT = Path(__file__).parents[3]
HOSTS = "::1 localhost\n127.0.0.1 localhost\n"
UNSHARE = ("unshare", "--net", "--mount", "--propagation", "private")
# ::1 does not exist during the bring-up, so the stack cannot reserve its ports there: like the ports of a cluster.
SCRIPT = """
ip link set lo up
mount --bind hosts /etc/hosts
echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
$PLEXDEV up --stack embedded --prefer stand-in --port 0 --idp-port 0 --timeout 200
echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6
eval "$($PLEXDEV env --stack embedded)"
ports=""
for url in "$PLEXDEV_API_URL" "$PLEXDEV_ISSUER" "$PLEXDEV_DATABASE_URL" "$PLEXDEV_NATS_URL"; do
    ports="$ports $($PYTHON -c 'import sys, urllib.parse as u; print(u.urlsplit(sys.argv[1]).port)' "$url")"
done
setpriv --reuid 65534 --regid 65534 --clear-groups -- $PYTHON -c "$RECORDS" $ports > received &
sitting=$!
until grep -q sits received; do kill -0 $sitting; done
set +e
$PYTHON -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=3)' "$PLEXDEV_API_URL/who-asks-a-resolver"
$PLEXDEV status --stack embedded
$PLEXDEV doctor > doctor
$PLEXDEV login --auto --stack embedded > login
$PYTEST --dev-stack --plexdev-stack=embedded -q -p no:cacheprovider test_it.py
status=$?
kill $sitting
$PLEXDEV down --stack embedded
exit $status
"""
TESTS = """
def test_every_client(plexdev_stack, plexdev_node, plexdev_db, plexdev_events, plexdev_tenants):
    plexdev_node.heartbeat()
    assert plexdev_node.reachability() == "healthy"
    assert plexdev_events.wait_for("NodeReachabilityChanged")
    assert plexdev_db.execute("SELECT 1").fetchone() == (1,)
    assert plexdev_tenants["beta-llc"].client.domains.list()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces and be another user")
def test_no_secret_is_sent_to_the_other_localhost(tmp_path: Path) -> None:
    if None in (shutil.which("unshare"), shutil.which("setpriv"), shutil.which("ip"), shutil.which(PYTHON)):
        pytest.skip("unshare, setpriv, ip and the system's python3 are needed")
    if subprocess.run(
        [*UNSHARE, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6"], check=False
    ).returncode:
        pytest.skip("no network namespace with IPv6 can be made here")
    (tmp_path / "hosts").write_text(HOSTS)
    (tmp_path / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [*UNSHARE, "sh", "-euc", SCRIPT],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "PLEXDEV_STATE_DIR": str(tmp_path / "state"),
            "PLEXDEV_CACHE_DIR": str(tmp_path / "cache"),
            "PLEXDEV": f"{sys.executable} -m pytest_plexdev.cli",
            "PYTEST": f"{sys.executable} -m pytest",
            "PYTHON": PYTHON,
            "RECORDS": RECORDS,
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    received = (tmp_path / "received").read_text().splitlines()
    assert [line for line in received if "who-asks-a-resolver" in line], "localhost was not ::1 first"
    assert len(received) == 2, received
    assert (tmp_path / "login").read_text()
