"""Rules of invitations: whom they are for, how long they are valid, and which objects their tuples may concern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from plexsphere_reference.rules.tenancy import Invalid

STATUSES: Final = ("pending", "accepted", "revoked", "expired")
DEFAULT_TTL_S: Final = 86_400
_SHORTEST_TTL_S: Final = 60
_LONGEST_TTL_S: Final = 604_800
_LONGEST_SUBJECT: Final = 255
_MOST_TUPLES: Final = 32
_SCOPED_KINDS: Final = ("project", "group")


class InvalidTtl(Invalid):
    """The lifetime is out of bounds."""


class TooManyTuples(Invalid):
    """There are more initial tuples than an invitation may have."""


class ObjectOutOfScope(Invalid):
    """An initial tuple concerns an object that is not the Domain, nor a Project or Group of it."""


class InvalidCaveatContext(Invalid):
    """An initial tuple has a caveat context, and the schema has no caveat that would evaluate it."""


class InitialTuple(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A relation that the person gets to ``object`` with the acceptance."""

    relation: str
    object: str
    caveat_context: Mapping[str, Any] | None = None


def check_subject(external_subject: str) -> str:
    if not external_subject.strip() or len(external_subject) > _LONGEST_SUBJECT:
        raise Invalid(f"external_subject must have 1 to {_LONGEST_SUBJECT} characters and not be blank")
    return external_subject


def check_ttl(ttl_s: int) -> int:
    if not _SHORTEST_TTL_S <= ttl_s <= _LONGEST_TTL_S:
        raise InvalidTtl(f"ttl_seconds must be from {_SHORTEST_TTL_S} to {_LONGEST_TTL_S}")
    return ttl_s


def scoped_objects(tuples: Sequence[InitialTuple], *, domain_id: UUID) -> Mapping[str, frozenset[UUID]]:
    """Check the tuples of an invitation to a Domain.

    Returns:
        The ids of the Projects and of the Groups that they concern, by kind. The caller must check that these are the
        Domain's: otherwise its admins could grant access to what belongs to another Domain.

    Raises:
        TooManyTuples, ObjectOutOfScope, InvalidCaveatContext: A tuple may not be in an invitation.
    """
    if len(tuples) > _MOST_TUPLES:
        raise TooManyTuples(f"initial_tuples has {len(tuples)} entries; at most {_MOST_TUPLES} are allowed")
    found: dict[str, set[UUID]] = {kind: set() for kind in _SCOPED_KINDS}
    for place, each in enumerate(tuples):
        kind, _, object_id = each.object.partition(":")
        if each.object != f"domain:{domain_id}":
            if kind not in found or (parsed := _canonical_uuid(object_id)) is None:
                raise out_of_scope(place)
            found[kind].add(parsed)
        if each.caveat_context:
            raise InvalidCaveatContext(f"initial_tuples[{place}].caveat_context: the schema has no caveats")
    return {kind: frozenset(ids) for kind, ids in found.items()}


def out_of_scope(place: int) -> ObjectOutOfScope:
    """Return the error for the object of a tuple, by its index."""
    return ObjectOutOfScope(
        f"initial_tuples[{place}].object must be domain:<this-id>, or project:<uuid> or group:<uuid> of this Domain"
    )


def _canonical_uuid(text: str) -> UUID | None:
    """Return the UUID of *text* if it is written as in relation tuples, in lowercase and with dashes."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text else None
