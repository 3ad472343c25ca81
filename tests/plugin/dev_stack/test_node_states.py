"""What a test does with a Node's heartbeats."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

SILENCE = """
import pytest
from pytest_plexdev import PlexdevError

def test_the_policy_decides(plexdev_node):
    plexdev_node.heartbeat()
    plexdev_node.wait_until("healthy", within=0)
    plexdev_node.silence()
    plexdev_node.wait_until("stale", within=0)
    plexdev_node.silence(until="unreachable")
    plexdev_node.wait_until("unreachable", within=0)
    plexdev_node.heartbeat()
    plexdev_node.silence(seconds=89)
    assert plexdev_node.wait_until("healthy", within=0).reading.last_heartbeat_at is not None

def test_a_misspelt_state(plexdev_node):
    with pytest.raises(PlexdevError, match="a Node has no state stael"):
        plexdev_node.wait_until("stael")
    with pytest.raises(PlexdevError, match="a silent Node has no state healthy"):
        plexdev_node.silence(until="healthy")
"""
NOT_STALE = """
def test_it_is_not_stale_yet(plexdev_node):
    plexdev_node.heartbeat()
    plexdev_node.wait_until("stale", within=0.3)
"""
CANNOT = """
import dataclasses

def test_another_control_plane(plexdev_stack, plexdev_node):
    plexdev_stack.info = dataclasses.replace(plexdev_stack.info, capabilities=frozenset())
    plexdev_node.silence()
"""


def test_silence_is_as_long_as_the_policy_says(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_silence=SILENCE)

    project.runpytest_subprocess("--dev-stack", "test_silence.py").assert_outcomes(passed=2)


def test_a_state_that_does_not_come_is_explained(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_states=NOT_STALE)
    result = project.runpytest_subprocess("--dev-stack", "test_states.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]node-state[]]: the Node * was healthy, not stale, after 0.3 s",
            "  why: by its Domain's policy a Node is stale 90s after its last heartbeat, and unreachable after 300s",
            "  |    0.0 s  'healthy'",
            "  fix: let the time pass by node.silence(until='stale'); or wait for it: node.wait_until('stale', *",
            "  at: *test_states.py:3",
        ],
        consecutive=True,
    )


def test_another_control_plane_is_not_aged(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_cannot=CANNOT)
    result = project.runpytest_subprocess("--dev-stack", "-rs", "test_cannot.py")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*: this stack cannot age a heartbeat; wait in real time: node.wait_until(*"])
