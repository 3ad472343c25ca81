"""Failures of signing in to a Domain."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

NO_BINDING: Final = Failure(
    tag="no-binding",
    what="Domain {domain} has no active IdP binding, so no user can sign in to it",
    why="the API listed no active binding",
    fix="create one: client.idp_bindings.create(...), or use one of the seeded Domains",
)
IDP_USERS: Final = Failure(
    tag="idp-users",
    what="the identity provider did not change its user {user}",
    why="its gRPC API at {target} answered: {reason}",
    fix="read its log: plexdev logs dex",
)
SIGN_IN_REFUSED: Final = Failure(
    tag="sign-in-refused",
    what="the identity provider rejected {user} at {url}",
    why="its page shows: {reason}",
    fix="{meant}the dev stack has {people} (Dex's staticPasswords); choose one with user= and password=, "
    "or with plexdev login --user",
    exit_code=3,
)
SIGN_IN_PAGE: Final = Failure(
    tag="sign-in-page",
    what="the sign-in of {user} stopped at {url} (status {status})",
    why="{reason}",
    fix="open {url} in a browser and read what the page requires",
)
SIGN_IN_FAILED: Final = Failure(
    tag="sign-in-failed",
    what="{user} signed in at the identity provider, but the control plane rejected the sign-in: {reason}",
    why="the callback returned no session",
    fix="read {log}",
    exit_code=3,
)
CLOCK_SKEW: Final = Failure(
    tag="clock-skew",
    what="the clocks differ: {clocks}",
    why="with more than 60 s of difference, an id_token is expired or not yet valid ({reason})",
    fix="set the clock with `sudo hwclock --hctosys`, or restart a virtual machine that slept; then run again",
)
OIDC_REFUSED: Final = Failure(
    tag="oidc-refused",
    what="the identity provider did not serve the client {client}: {reason}",
    why="{url} answered that",
    fix="its configuration names its clients, with their secrets and redirect URIs; read {log}",
)
OIDC_TOKEN: Final = Failure(
    tag="oidc-token",
    what="the ID token is not valid for the client {client}: {reason}",
    why="checked are its signature, by the keys of the identity provider, and its claims iss, aud, exp, iat and nonce",
    fix="pass client_id= and nonce= as they were in the authorization request; a token of an earlier stack is never "
    "valid for this one",
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
    what="the control plane rejected the device code {user_code}: {reason}",
    why="the code was denied or already used, or it belongs to another server",
    fix="start the login again",
    exit_code=3,
)
NOT_SIGNED_IN: Final = Failure(
    tag="not-signed-in",
    what="{who} signed in to {domain} at {server}",
    why="no valid credential is stored for it; a new stack has no sessions, even at the address of the last one",
    fix="plexdev login --domain {domain}{option}",
    exit_code=3,
)
