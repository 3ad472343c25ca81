from __future__ import annotations

import pytest

from pytest_plexdev.stack.embedded.dex_standin.tokens import pack, subject, unpack


def test_the_subject_of_the_products_own_user() -> None:
    known = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs"

    assert subject("08a8684b-db88-4b73-90a9-3cd1661f5466") == known


def test_a_member_of_more_than_127_bytes_has_a_longer_length() -> None:
    assert pack("x" * 200).startswith("CsgBeHh4")


@pytest.mark.parametrize("members", [["a"], ["id", "secret"], ["", "ü"]])
def test_unpack_undoes_pack(members: list[str]) -> None:
    assert unpack(pack(*members)) == members


@pytest.mark.parametrize("damaged", ["!", "CgFh_", "EgFh", "CgVh", "Cg", "CoEB", "CgH_"])
def test_a_damaged_value_is_refused(damaged: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(damaged)
