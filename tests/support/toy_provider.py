"""A provider whose stack is a file: the minimum of a third provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pytest_plexdev.core.model import Endpoints, Service, StackInfo, Verdict
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.core.provider_parts import (
    Changed,
    Changes,
    Found,
    Logs,
    LogWriter,
    Obstacle,
    Refusal,
    Started,
    Texts,
)
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.errors import Failure, PlexdevError
from pytest_plexdev.options import Settings
from pytest_plexdev.stack.request import StackRequest

SERVICE = "toy-api"


class ToyChanges:
    def __init__(self, info: StackInfo) -> None:
        self._info = info

    def services(self) -> Sequence[str]:
        return [SERVICE]

    def reset(self, progress: Progress) -> Changed:
        return Changed(info=self._info, notes=["toy: as new"])

    def restart(self, services: Sequence[str], progress: Progress) -> Changed:
        return Changed(info=self._info)


class ToyProvider:
    name = "toy"

    def __init__(self, *, request: StackRequest | None = None, directory: Path | None = None) -> None:
        self._directory = directory or state_directory() / "toy"
        self._is_warm = directory is None
        self._request = request

    @property
    def _file(self) -> Path:
        return self._directory / "stack.json"

    def up(self, progress: Progress) -> Started:
        make_private_directory(self._directory.parent)
        make_private_directory(self._directory)
        info = StackInfo(
            provider=self.name,
            id="warm" if self._is_warm else self._directory.parent.name,
            directory=self._directory,
            endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2", database="postgresql://toy"),
            started_at=1.0,
            services=(Service(name=SERVICE, version="1"),),
        )
        info.write(self._file)
        return Started(info=info, report={"toys": 1})

    def down(self, info: StackInfo | None, *, force: bool = False, progress: Progress | None = None) -> list[str]:
        self._file.unlink(missing_ok=True)
        return ["toy: put away"]

    def remove_files(self) -> None:
        self._file.unlink(missing_ok=True)

    def changes(self, info: StackInfo) -> Changes:
        return ToyChanges(info)

    def is_guarded(self) -> bool:
        return False

    @property
    def looked_for(self) -> str:
        return f"a toy in {self._directory}"

    def check(self, settings: Settings) -> None:
        pass

    def find(self, *, even_silent: bool = False) -> StackInfo | None:
        info = StackInfo.read(self._file) if self._file.exists() else None
        return info if info is not None and info.provider == self.name else None

    def attach(self, progress: Progress) -> Found | None:
        info = self.find()
        return Found(info=info) if info is not None else None

    def is_present(self) -> bool:
        return self.find() is not None

    def obstacle(self, *, patience_s: float | None = None) -> Obstacle | None:
        return None

    def explained(self, error: PlexdevError) -> PlexdevError:
        return error

    def wait(self, deadline: float, progress: Progress) -> None:
        pass

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        return [Verdict(name=SERVICE, state="ready")]

    def status(self, info: StackInfo | None) -> Sequence[Verdict]:
        return self.verdicts(info) if info is not None else ()

    def refuse_dead(self, info: StackInfo, verdicts: Sequence[Verdict]) -> None:
        pass

    def watch(self, info: StackInfo) -> None:
        pass

    def died(self, info: StackInfo, *, patience_s: float, failure: Failure) -> PlexdevError | None:
        return None

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        return "squeak\n"

    def logs(self, info: StackInfo) -> Logs:
        return _ToyLogs(info.directory)

    def left_logs(self) -> Logs | None:
        return None

    def evidence(self, info: StackInfo, since: float) -> Iterable[tuple[str, Callable[[], str]]]:
        yield "toys", lambda: "all toys are there"

    def reach(self, info: StackInfo, service: str) -> str:
        raise NotImplementedError

    def users_api(self, info: StackInfo) -> str | None:
        return None

    def credentials(self, info: StackInfo, service: str) -> ServiceCredentials:
        raise NotImplementedError

    def clone(self) -> ToyProvider:
        return self

    def close(self) -> None:
        pass

    def exports(self, info: StackInfo) -> Mapping[str, str]:
        return {"TOY": "1"}

    @property
    def texts(self) -> Texts:
        return _ToyTexts()


class _ToyTexts:
    @property
    def refusals(self) -> Sequence[Refusal]:
        return [Refusal(options=("--reapply",), reason="a toy has nothing to apply")]

    def welcome(self, started: Started, *, seconds: float) -> str:
        return f"toy: ready at {started.info.endpoints.api}"

    def location(self, info: StackInfo) -> str:
        return "in the toy box"

    def control_plane(self, info: StackInfo) -> str:
        return ""

    def how_to_end(self, info: StackInfo) -> str:
        return "stop it with: plexdev down --stack toy"


class _ToyLogs:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def services(self) -> list[str]:
        return [SERVICE]

    def read(self, service: str, *, since: float | None = None) -> str:
        return "squeak\n"

    def follow(
        self, services: Sequence[str], write: LogWriter, *, since: float | None = None, tail: int | None = None
    ) -> None:
        for service in services:
            write(service, b"squeak\n")
