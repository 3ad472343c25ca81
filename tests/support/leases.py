"""A provider that records calls instead of starting servers, and a lease on its stack."""

from __future__ import annotations

from pathlib import Path

from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.core.provider_parts import Started
from pytest_plexdev.errors import SERVER_EXITED, PlexdevError
from pytest_plexdev.session.lease import Keep, Lease
from pytest_plexdev.session.output_directory import Output


class Diary:
    def __init__(self, directory: Path, *, fails: bool = False) -> None:
        self.directory = directory
        self.fails = fails
        self.entries: list[str] = []

    def __call__(self, directory: Path) -> Diary:
        self.directory = directory
        return self

    def up(self, progress: Progress) -> Started:
        self.entries.append("up")
        if self.fails:
            logs = self.directory / "logs"
            logs.mkdir(parents=True)
            (logs / "api.log").write_text("no such table\n")
            facts = {"service": "api", "status": "exit status 1", "seconds": 0.25, "log": logs / "api.log"}
            raise PlexdevError(SERVER_EXITED, detail="no such table", **facts)
        self.directory.mkdir()
        where = Endpoints(api="http://localhost:1", issuer="i", database="d", nats="n", signer="s")
        info = StackInfo(provider="embedded", id="x", directory=self.directory, endpoints=where, started_at=1.0)
        return Started(info=info)

    def down(self, info: StackInfo | None, *, force: bool = False, progress: Progress | None = None) -> list[str]:
        self.entries.append("down")
        return []

    def remove_files(self) -> None:
        pass

    def is_guarded(self) -> bool:
        raise NotImplementedError


def lease_of(tmp_path: Path, diary: Diary, keep: Keep = "never") -> Lease:
    return Lease(run_directory=tmp_path / "run", provider_factory=diary, output=Output(tmp_path / "out"), keep=keep)
