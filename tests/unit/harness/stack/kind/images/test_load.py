"""Images are loaded onto a node that is being created as soon as it accepts them, with retries."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from pytest_plexdev.core.phases import Phases
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_NOT_MADE, COMMAND_FAILED
from pytest_plexdev.stack.kind.images import build, load
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.images.local import LocalImages, canonical, silent
from pytest_plexdev.stack.kind.images.pins import Pin
from pytest_plexdev.stack.kind.settings import KindSettings

REFUSED = PlexdevError(COMMAND_FAILED, detail="no", command="kind load", purpose="x", status="1", fix="y")

NOT_MADE = PlexdevError(CLUSTER_NOT_MADE, detail="no", command="kind create", status="1", fix="y")


def _attempt(monkeypatch: pytest.MonkeyPatch, *, made: Future[Any], refusals: int) -> tuple[ImageLoader, list[bool]]:
    attempts: list[bool] = []

    def attempt() -> bool:
        attempts.append(made.done())
        if len(attempts) <= refusals:
            raise REFUSED
        return True

    monkeypatch.setattr(load, "has_containerd", lambda _: True)
    monkeypatch.setattr(build, "missing_on_node", lambda *_: [])
    monkeypatch.setattr(build, "saved", lambda _: contextlib.nullcontext(Path("images.tar")))
    monkeypatch.setattr(build, "put", lambda *_: attempt())
    monkeypatch.setattr(build, "load", lambda *_: made.done() and attempt())
    return ImageLoader(KindSettings(), Phases(lambda _: None), silent), attempts


def test_images_go_onto_a_node_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Future[Any] = Future()
    work, attempts = _attempt(monkeypatch, made=made, refusals=0)

    assert work.load_during_creation(made, _done())
    assert attempts == [False]


def test_what_was_not_made_is_why_nothing_was_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Future[Any] = Future()
    made.set_exception(NOT_MADE)
    work, _ = _attempt(monkeypatch, made=made, refusals=9)

    with pytest.raises(PlexdevError, match="cluster-not-made"):
        work.load_during_creation(made, _done())


def test_a_refused_load_is_retried_once_the_node_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Future[Any] = Future()
    work, attempts = _attempt(monkeypatch, made=made, refusals=1)
    Timer(0.2, made.set_result, [None]).start()

    assert work.load_during_creation(made, _done())
    assert attempts == [False, True]


def test_a_load_that_fails_on_a_whole_node_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Future[Any] = Future()
    work, attempts = _attempt(monkeypatch, made=made, refusals=9)
    Timer(0.2, made.set_result, [None]).start()

    with pytest.raises(PlexdevError, match="command-failed"):
        work.load_during_creation(made, _done())
    assert attempts == [False, True]


def test_a_pulled_image_of_another_digest_never_reaches_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = Pin(name="nats", repository="nats", tag="2", digest="sha256:" + "a" * 64)
    name = canonical(pin.reference)
    pulled = LocalImages({name: "sha256:1"}, {name: "sha256:" + "b" * 64})
    work, attempts = _attempt(monkeypatch, made=_done(), refusals=0)
    monkeypatch.setattr(work, "_pins", {"nats": pin})
    monkeypatch.setattr(build, "missing_on_node", lambda *_: [pin])
    monkeypatch.setattr(load, "provide", lambda *_: {})
    monkeypatch.setattr(load, "local_images", lambda: pulled)

    with pytest.raises(PlexdevError, match="image-changed"):
        work.load_pins()
    assert attempts == []


def _done() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(None)
    return future
