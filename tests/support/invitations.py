"""Invitations to a Domain."""

from __future__ import annotations

from typing import Any

import httpx


def path_of(domain: str, invitation: str = "") -> str:
    return f"/v1/domains/{domain}/invitations" + (f"/{invitation}" if invitation else "")


def invite(client: httpx.Client, domain: str, subject: str, *tuples: tuple[str, str], **members: Any) -> dict[str, Any]:
    """Invite *subject* with these relations, such as ``("member", "domain:…")``."""
    initial = [{"relation": relation, "object": resource} for relation, resource in tuples]
    body = {"external_subject": subject, "initial_tuples": initial, **members}
    created = client.post(path_of(domain), json=body)
    assert created.status_code == 201, created.text
    invitation: dict[str, Any] = created.json()
    return invitation
