"""``plexdev login``, ``token`` and ``whoami``: sign people in to the running stack, and use their tokens in a shell."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.completers import domains, people
from pytest_plexdev.cli.control_plane import DEFAULT_DOMAIN, ControlPlane, add_command, add_signed_in_command
from pytest_plexdev.cli.objects import object_table, to_json
from pytest_plexdev.cli.output import add_output_alias, report_result
from pytest_plexdev.core.people import ADMIN, SIGN_IN

if TYPE_CHECKING:
    from pytest_plexdev.api.auth import DeviceCode
    from pytest_plexdev.cli.credentials import Credential

_PEOPLE: Final = f"The people of the dev stack: {SIGN_IN}."


def add_sign_in_commands(subparsers: Any) -> None:
    """Add the commands.

    Args:
        subparsers: The result of ``ArgumentParser.add_subparsers``.
    """
    login = add_command(
        subparsers, "login", _login, help="sign in to the running stack with a device code", epilog=_PEOPLE
    )
    login.add_argument(
        "--domain",
        default=DEFAULT_DOMAIN,
        metavar="SLUG",
        completer=domains,
        help="Domain to sign in to; default: %(default)s",
    )
    login.add_argument("--auto", action="store_true", help="approve as the Domain's seeded admin, without a browser")
    login.add_argument(
        "--user",
        metavar="EMAIL",
        completer=people,
        help="approve as this person of the dev stack, without a browser; see below",
    )

    add_signed_in_command(subparsers, "token", _token, help="print the access token of a login, for scripts")
    whoami = add_signed_in_command(subparsers, "whoami", _whoami, help="show the signed-in user")
    add_output_alias(whoami)


def _login(plane: ControlPlane, arguments: argparse.Namespace) -> int:
    from pytest_plexdev.cli.credentials import Credential
    from pytest_plexdev.core.clock import unix_time
    from pytest_plexdev.testkit.device_poll import DevicePoll

    slug = arguments.domain
    domain_id = plane.domain_id(slug)
    device = plane.anonymous.auth.device_code(domain_id=domain_id, idp_binding_id=plane.binding_id(slug))
    _approve(plane, arguments, device)
    token = DevicePoll(plane.anonymous).wait(device)
    me = plane.anonymous.as_principal(token.access_token).auth.whoami()
    credential = Credential(
        domain_id=domain_id,
        user=me.email or me.subject,
        expires_at=unix_time() + token.expires_in,
        token=token.access_token,
    )
    plane.credentials.save(slug, credential)
    server = plane.anonymous.transport.base_url
    report_result(
        arguments,
        {"domain": slug, "server": server, **_login_members(credential)},
        lambda: f"signed in to {slug} at {server} as {credential.user} until {_local_time(credential.expires_at)}",
    )
    return 0


def _approve(plane: ControlPlane, arguments: argparse.Namespace, device: DeviceCode) -> None:
    """Approve the device code as the chosen user, or ask for a browser that does."""
    from pytest_plexdev.testkit.login import approve
    from pytest_plexdev.testkit.stack import API, log_location

    if arguments.auto or arguments.user is not None:
        tenant = plane.seeded.get(arguments.domain)
        user = arguments.user or (tenant.admin if tenant is not None else ADMIN)
        approve(plane.anonymous, device.verification_uri_complete, log=log_location(plane.stack.info, API), user=user)
        return
    # With --json, standard output has nothing but the object.
    output = sys.stderr if arguments.json else sys.stdout
    output.write(f"Open {device.verification_uri_complete}\nand approve the code {device.user_code}\n")
    output.flush()


def _token(plane: ControlPlane, arguments: argparse.Namespace) -> int:
    credential = plane.credential(arguments.domain, arguments.user)
    report_result(arguments, {"token": credential.token, **_login_members(credential)}, lambda: credential.token)
    return 0


def _whoami(plane: ControlPlane, arguments: argparse.Namespace) -> int:
    me = plane.client(plane.credential(arguments.domain, arguments.user)).auth.whoami()
    row = {
        "principal": me.principal_type,
        "email": me.email,
        "subject": me.subject,
        "domain": me.domain_id,
        "acr": me.acr,
        "amr": ",".join(me.amr),
    }
    report_result(arguments, to_json(me), lambda: object_table([row], list(row)))
    return 0


def _login_members(credential: Credential) -> dict[str, str]:
    """The members that the results of ``login`` and ``token`` share."""
    expires_at = datetime.fromtimestamp(credential.expires_at, UTC).isoformat(timespec="seconds")
    return {"domain_id": credential.domain_id, "user": credential.user, "expires_at": expires_at}


def _local_time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M %Z")
