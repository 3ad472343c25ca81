"""Accept a person's invitations, as a part of the sign-in that authenticates them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from plexsphere_reference.authz.model import Relationship
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.unit_of_work import Unit
from plexsphere_reference.rules.audit import AuditRecord
from plexsphere_reference.store import invitations
from plexsphere_reference.store.invitations import Invitation


async def accept(call: Call, tx: Unit, invited: Sequence[Invitation], *, user_id: UUID) -> list[AuditRecord]:
    """Write the initial tuples of the invitations and mark them as accepted, in the transaction of the sign-in.

    Returns:
        The audit rows, to append last (:func:`plexsphere_reference.store.audit.append`).
    """
    for invitation in invited:
        await tx.relate(
            *(Relationship(each.object, each.relation, f"user:{user_id}") for each in invitation.initial_tuples)
        )
        await invitations.accept(tx.connection, invitation.id, user_id)
        await tx.event(
            "InvitationAccepted", "invitation", invitation.id, domain_id=invitation.domain_id, user_id=user_id
        )
    return [call.record("granted", "invitation.accept", f"invitation:{each.id}", each.domain_id) for each in invited]
