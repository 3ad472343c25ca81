"""Text from a file that a user may have edited: text that the system cannot use is refused when it is read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_plexdev.core.private_files import read_note, write_private
from pytest_plexdev.core.untrusted_json import decode_file


@pytest.mark.parametrize("text", ["/tmp/\0x", "/tmp/\ud800x"], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("shape", ['{"a": %s}', "{%s: 1}", '{"a": [{"b": [%s]}]}'])
def test_a_text_that_no_path_can_be_is_refused_wherever_it_is(tmp_path: Path, shape: str, text: str) -> None:
    content = (shape % json.dumps(text)).encode()
    write_private(tmp_path / "note", content)

    with pytest.raises(ValueError, match="neither a path nor an argument"):
        decode_file(content)
    assert read_note(tmp_path / "note") is None


def test_every_path_that_a_file_system_has_is_taken(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xf0\x9f\x98\x80 \x01")
    assert decode_file(json.dumps({"path": name}).encode()) == {"path": name}
