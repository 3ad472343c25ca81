"""Apply, refuse or ignore the differences between a running embedded stack and what a run asks for."""

from __future__ import annotations

from pytest_plexdev.core.model import StackInfo, up_command
from pytest_plexdev.core.provider_parts import Found
from pytest_plexdev.errors import PROFILE_DRIFTED, PlexdevError
from pytest_plexdev.stack.embedded import seeding
from pytest_plexdev.stack.request import StackRequest


def resolve(request: StackRequest, info: StackInfo) -> Found:
    """Compare the profile and the seed of a running stack with the request's, and do what ``on_drift`` says.

    Raises:
        PlexdevError: ``profile-drifted``, ``seed-drifted``; what :func:`seeding.apply` raises.
    """
    options, seed = request.options, request.seed(for_reference_plane=False)
    other_profile = options.profile not in (None, info.profile)
    other_seed = seeding.differs(info, seed)
    if options.on_drift == "ignore":
        names = (("profile", other_profile), ("seed", other_seed))
        return Found(info=info, drift=tuple(name for name, differs in names if differs))
    if other_profile:
        up = up_command({**dict(info.options), "--profile": options.profile or ""})
        raise PlexdevError(
            PROFILE_DRIFTED,
            provider="embedded",
            current=info.profile,
            wanted=options.profile,
            why="the servers of an embedded stack are chosen when it starts",
            fix=f"replace it: plexdev down --stack embedded && {up}",
        )
    if not other_seed:
        return Found(info=info)
    if options.on_drift == "fail":
        raise seeding.drifted(info, seed)
    return Found(info=seeding.apply(info, seed, timeout=options.timeout))
