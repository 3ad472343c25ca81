"""``plexdev_db_transaction``: what a test changes is rolled back, also if it fails."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

CHANGES = """
import psycopg
import pytest

COUNT = "SELECT count(*) FROM plexsphere.domains WHERE name = 'Changed'"

def test_a_change_is_seen_by_the_test_only(plexdev_db_transaction, plexdev_db, plexdev_client):
    plexdev_db_transaction.execute("UPDATE plexsphere.domains SET name = 'Changed' WHERE slug = 'gamma-coop'")
    assert plexdev_db_transaction.execute(COUNT).fetchone() == (1,)
    assert plexdev_db.execute(COUNT).fetchone() == (0,)
    raise RuntimeError("on purpose")

def test_it_is_rolled_back(plexdev_db):
    assert plexdev_db.execute(COUNT).fetchone() == (0,)

def test_it_cannot_be_committed(plexdev_db_transaction):
    with pytest.raises(psycopg.ProgrammingError):
        plexdev_db_transaction.commit()

def test_a_failed_statement_ends_with_the_test(plexdev_db_transaction):
    with pytest.raises(psycopg.errors.UndefinedTable):
        plexdev_db_transaction.execute("SELECT 1 FROM plexsphere.nothing")
"""


def test_a_transaction_is_rolled_back(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_changes=CHANGES)
    result = project.runpytest_subprocess("--dev-stack", "-p", "no:randomly", "test_changes.py")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*RuntimeError: on purpose"])
