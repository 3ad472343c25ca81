from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.api.auth import DeviceCode
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.testkit.device_poll import DevicePoll

DEVICE = DeviceCode(
    device_code="secret",
    user_code="ABCD-EFGH",
    verification_uri="http://localhost/v1/device",
    verification_uri_complete="http://localhost/v1/device?user_code=ABCD-EFGH",
    expires_in=600,
    interval=5,
)
TOKEN = httpx.Response(200, json={"access_token": "psk_dev_x", "token_type": "Bearer", "expires_in": 60})


class Time:
    """A clock that advances only by its own ``sleep``."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def refusal(code: str) -> httpx.Response:
    return httpx.Response(400, json={"status": 400, "code": code, "title": "Bad Request", "detail": code})


@pytest.fixture
def poll() -> Iterator[Callable[..., tuple[DevicePoll, Time]]]:
    opened: list[httpx.Client] = []

    def make(*answers: httpx.Response) -> tuple[DevicePoll, Time]:
        script = iter(answers)
        last = answers[-1]
        http = httpx.Client(transport=httpx.MockTransport(lambda _: next(script, last)))
        opened.append(http)
        time = Time()
        client = Client(Transport("http://localhost", http=http))
        return DevicePoll(client, clock=lambda: time.now, sleep=time.sleep), time

    yield make
    for http in opened:
        http.close()


Poll = Callable[..., tuple[DevicePoll, Time]]


def test_an_approved_code_costs_no_interval(poll: Poll) -> None:
    polling, time = poll(TOKEN)

    assert polling.wait(DEVICE).access_token == "psk_dev_x"
    assert time.slept == []


def test_pending_is_waited_out_at_the_interval(poll: Poll) -> None:
    polling, time = poll(refusal("authorization_pending"), refusal("authorization_pending"), TOKEN)
    polling.wait(DEVICE)

    assert time.slept == [5.0, 5.0]


def test_slow_down_lengthens_the_interval_for_good(poll: Poll) -> None:
    pending, slower = refusal("authorization_pending"), refusal("slow_down")
    polling, time = poll(pending, slower, pending, slower, pending, TOKEN)
    polling.wait(DEVICE)

    assert time.slept == [5.0, 10.0, 10.0, 15.0, 15.0]


def test_a_proxys_answer_is_waited_out(poll: Poll) -> None:
    polling, time = poll(httpx.Response(502, text="<h1>Bad Gateway</h1>"), httpx.Response(429, text="slow"), TOKEN)
    polling.wait(DEVICE)

    assert time.slept == [5.0, 5.0]


def test_it_gives_up_when_the_code_has_expired(poll: Poll) -> None:
    polling, time = poll(refusal("authorization_pending"))
    with pytest.raises(
        PlexdevError, match=r"plexdev\[device-code-expired\]: .* ABCD-EFGH was not approved within 600 s"
    ):
        polling.wait(DEVICE)

    assert time.now == 600.0


@pytest.mark.parametrize(
    ("answer", "tag"),
    [
        (refusal("expired_token"), "device-code-expired"),
        (refusal("access_denied"), "device-code-refused"),
        (refusal("invalid_grant"), "device-code-refused"),
        (httpx.Response(404, text="nginx"), "device-code-refused"),
    ],
)
def test_what_ends_the_polling(poll: Poll, answer: httpx.Response, tag: str) -> None:
    polling, time = poll(refusal("authorization_pending"), answer)
    with pytest.raises(PlexdevError) as ended:
        polling.wait(DEVICE)

    assert ended.value.tag == tag
    assert ended.value.exit_code == 3
    assert time.slept == [5.0]


def test_a_success_that_is_no_token_is_named(poll: Poll) -> None:
    polling, _ = poll(httpx.Response(200, text="<h1>Welcome to the hotel</h1>"))
    with pytest.raises(PlexdevError, match=r"plexdev\[api-gibberish\]"):
        polling.wait(DEVICE)


def test_the_code_is_not_in_an_error(poll: Poll) -> None:
    polling, _ = poll(refusal("invalid_grant"))
    with pytest.raises(PlexdevError) as ended:
        polling.wait(DEVICE)

    assert "secret" not in str(ended.value)
    assert "secret" not in repr(DEVICE)
