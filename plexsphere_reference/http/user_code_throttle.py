"""Reject user codes from users and addresses with too many wrong attempts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from plexsphere_reference.http.client_address import client_address
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.log import log
from plexsphere_reference.rules.guessing import guessers, seconds_to_wait
from plexsphere_reference.rules.principal import Principal

UNKNOWN_CODE: Final = "device_code_not_found"


@asynccontextmanager
async def throttled(call: Call, who: Principal | None) -> AsyncIterator[None]:
    """Count ``device_code_not_found`` raised in the body as a wrong code. The body must only look up the code.

    Raises:
        Problem: 429 ``too_many_requests`` if *who* or the client address has too many wrong attempts. The code is then
            not looked up.
    """
    address = client_address(call.request, trust_proxy=call.plane.settings.trust_proxy_headers)
    limits = guessers(user_id=who.id if who else None, address=address)
    wrong_codes = call.plane.wrong_user_codes
    async with wrong_codes.turn(limits):
        wait = seconds_to_wait(limits, await wrong_codes.ages(limits))
        if wait > 0:
            log("WARN", "user codes are throttled", guessers=",".join(limits), correlation_id=call.correlation_id)
            detail = f"too many wrong user codes; try again in {wait} s"
            raise Problem(429, "too_many_requests", detail, headers={"Retry-After": str(wait)})
        try:
            yield
        except Problem as problem:
            if problem.code == UNKNOWN_CODE:
                await wrong_codes.add(limits)
            raise
