"""Data types of a stack: all that crosses process boundaries."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from pytest_plexdev.core.private_files import damaged, read_private, write_private
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.core.text import check_texts

State: TypeAlias = Literal["ready", "waiting", "doomed", "gone"]
Profile: TypeAlias = Literal["lean", "full"]

STACK_FILE: Final = "stack.json"
"""Name of the file of a StackInfo, in its stack's directory."""
KEPT_MARK: Final = "kept"
"""Name of a file in a stack's directory that keeps the stack when its owner ends."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Endpoints:
    """The addresses of a stack's services, as seen from this machine. URLs have no trailing slash.

    ``database`` and ``nats`` contain user and password if the server requires them. ``signer`` and ``spicedb`` are gRPC
    targets, ``unix:///…`` or ``host:port``; ``spicedb`` and its preshared key are absent if a stand-in evaluates the
    schema. ``dex_api`` is the gRPC target of the API by which Dex, or its stand-in, creates users; absent if it is not
    enabled. ``further`` has the URLs of the services that the profile ``full`` adds, and ``credentials`` what their
    clients authenticate with, both by the service's name. A service of a kind stack whose address is absent listens
    inside the cluster only: :meth:`pytest_plexdev.core.provider.Observer.reach` opens a port-forward.

    Example::

        def test_dex_is_the_issuer(plexdev_stack):
            assert plexdev_stack.info.endpoints.issuer.endswith("/dex")
    """

    api: str
    issuer: str
    database: str | None = None
    nats: str | None = None
    signer: str | None = None
    spicedb: str | None = None
    spicedb_key: str | None = field(default=None, repr=False)
    dex_api: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, ServiceCredentials] = field(default_factory=dict)

    def __repr__(self) -> str:
        from pytest_plexdev.masking.rule import mask

        # Two of the URLs carry a password.
        return mask(f"Endpoints({', '.join(f'{each.name}={getattr(self, each.name)!r}' for each in fields(self))})")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster that a stack runs in.

    Attributes:
        name: Its name for kind.
        context: Its context in the kubeconfig.
        kubeconfig: A file of plexdev with this context only.
        namespace: The namespace of the stack's objects.
        owned: Whether plexdev created it; nothing is applied to or deleted from other clusters.

    Example::

        def test_a_cluster_is_one_of_kind(plexdev_stack):
            assert plexdev_stack.cluster is None or plexdev_stack.cluster.context.startswith("kind-")
    """

    name: str
    context: str
    kubeconfig: Path
    namespace: str
    owned: bool


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of a stack: its program, and the product that it stands in for (``None``: the real one).

    Example::

        def test_postgres_is_real(plexdev_stack):
            postgres = next(each for each in plexdev_stack.info.services if each.name == "postgres")
            assert postgres.stands_in_for is None
    """

    name: str
    version: str
    stands_in_for: str | None = None
    pid: int | None = None
    log: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a bring-up: its duration, and its start in seconds since the start of the bring-up.

    Example::

        def test_no_phase_takes_a_minute(plexdev_stack):
            assert all(phase.seconds < 60 for phase in plexdev_stack.info.phases)
    """

    name: str
    seconds: float
    began: float = 0.0


CAPABILITIES: Final = ("age-heartbeat",)
"""The capabilities beyond the contract that a stack may offer to tests."""


@dataclass(frozen=True, kw_only=True)
class SeededTenant:
    """A Domain that the bootstrap seeds, its active IdP binding, and its admin's name at the IdP.

    Attributes:
        operator: The name at the IdP of the platform operator in this Domain; empty if the seed has none there, or is
            not known.

    Example::

        def test_three_tenants_are_seeded(plexdev_stack):
            assert len(plexdev_stack.info.tenants) == 3
    """

    slug: str
    domain_id: str
    binding_id: str
    admin: str = "admin@example.com"
    operator: str = ""


@dataclass(frozen=True, kw_only=True)
class StackInfo:
    """Addresses and identity of a running stack.

    Attributes:
        provider: The name of its provider in ``stack/providers.py``.
        id: Unique among the stacks of this machine; ``warm`` for the one that ``plexdev up`` leaves running.
        directory: The directory of its files: ``stack.json``, logs, data.
        started_at: Unix time of the start, seconds.
        profile: How much of the product's dev stack it has, ``lean`` or ``full``; ``None`` if plexdev did not
            create it.
        left_out: Services of the product's dev stack that this stack omits.
        tenants: The seeded Domains; empty if the provider does not know their ids (they are then read from Postgres,
            as in the runbook).
        cluster: The cluster that it runs on; ``None`` for processes.
        capabilities: What a test may do here beyond the contract, ``age-heartbeat`` for example.
        options: The options of ``plexdev up`` that are not its defaults, with their values.

    Example::

        def test_which_services_run(plexdev_stack):
            assert "plexsphere" in [service.name for service in plexdev_stack.info.services]
    """

    provider: str
    id: str
    directory: Path
    endpoints: Endpoints
    started_at: float
    services: tuple[Service, ...] = ()
    profile: Profile | None = "lean"
    left_out: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    tenants: tuple[SeededTenant, ...] = ()
    capabilities: frozenset[str] = field(default_factory=frozenset)
    cluster: Cluster | None = None
    options: tuple[tuple[str, str], ...] = ()

    @property
    def up_command(self) -> str:
        """The ``plexdev up`` command that starts a warm stack with the same options."""
        return up_command(dict(self.options))

    def write(self, path: Path) -> None:
        """Write it as JSON with mode 0600, because it contains passwords."""
        write_private(path, msgspec.json.format(msgspec.json.encode(self, enc_hook=str)))

    @classmethod
    def read(cls, path: Path, *, fix: str = "") -> StackInfo:
        """Read what :meth:`write` wrote.

        Args:
            fix: The fix of the error for a damaged file; by default the command that removes it.

        Raises:
            PlexdevError: ``state-damaged``, ``untrusted-path``.
            OSError: The file does not exist, or cannot be read.
        """
        content = read_private(path)
        try:
            check_texts(msgspec.json.decode(content))
            return msgspec.json.decode(content, type=cls, dec_hook=_decode)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            raise damaged(path, str(error), fix) from None


def up_command(options: Mapping[str, str]) -> str:
    """Return ``plexdev up`` with these options, quoted for a shell."""
    return shlex.join(["plexdev", "up", *chain.from_iterable(options.items())])


def _decode(kind: type, value: object) -> object:
    return kind(value)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state of one service or object, with the reason, its duration in seconds, and the command that helps.

    Example::

        def test_nothing_is_gone(plexdev_stack):
            assert [verdict.name for verdict in plexdev_stack.verdicts() if verdict.state == "gone"] == []
    """

    name: str
    state: State
    reason: str = ""
    since: float | None = None
    hint: str = ""

    @property
    def headline(self) -> str:
        """The first line of the reason; log lines may follow it."""
        return self.reason.partition("\n")[0]
