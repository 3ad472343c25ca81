"""Sign-ins of several users while OpenBao, which has the client secret, is killed and comes back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

from tests.support.browsing import Browser
from tests.support.control_plane import DOMAINS, Plane
from tests.support.openbao import OpenBaoServer
from tests.support.waiting import until


def test_sign_ins_go_on_through_a_restart_of_openbao(plane: Plane, openbao: OpenBaoServer) -> None:
    """Every sign-in of four users is answered: with a session, or with the reason why not."""
    path, reference = f"domains/{DOMAINS['acme-corp']}/dex", "SELECT client_secret_ref FROM plexsphere.idp_bindings"
    seeded = plane.sql(f"{reference} WHERE domain_id = %s", DOMAINS["acme-corp"])[0][0]
    point = "UPDATE plexsphere.idp_bindings SET client_secret_ref = %s WHERE domain_id = %s"
    openbao.write(path, client_secret="dex-client-secret")
    plane.sql(point, f"openbao:{path}#client_secret", DOMAINS["acme-corp"])
    stop, outcomes = threading.Event(), [list[str]() for _ in range(4)]

    def sign_in(outcomes: list[str]) -> None:
        while not stop.is_set():
            with Browser(plane) as browser:
                location = browser.sign_in().headers["location"]
            outcomes.append(parse_qs(urlsplit(location).query).get("auth_error_kind", ["signed in"])[0])

    def reach(outcome: str) -> None:
        seen = [len(each) for each in outcomes]
        until(lambda: all(outcome in each[before:] for each, before in zip(outcomes, seen, strict=True)))

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(sign_in, each) for each in outcomes]
        try:
            reach("signed in")
            openbao.stop()
            reach("openbao_unavailable")
            openbao.start()
            openbao.write(path, client_secret="dex-client-secret")
            reach("signed in")
        finally:
            stop.set()
            plane.sql(point, seeded, DOMAINS["acme-corp"])
        for future in futures:
            future.result()

    known = {"signed in", "openbao_unavailable", "idp_secret_unavailable"}
    assert {outcome for each in outcomes for outcome in each} <= known
