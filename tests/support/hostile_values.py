"""Input that a server must survive: values, bodies, targets and credentials."""

from __future__ import annotations

import uuid
from typing import Any, Final

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    1.5e308,
    10**300,
    "",
    " ",
    "\u0000",
    "x" * 7000,
    "é" * 2000,
    "' OR 1=1; DROP TABLE plexsphere.domains; --",
    "a\r\nX-Injected: 1",
    "%s %(a)s {0} ${A} \\x00 \\",
    "\u202e\ufeff\uffff\U0010ffff",
    str(uuid.UUID(int=0)),
    "00000000-0000-0000-0000-00000000000g",
    "2026-99-99T99:99:99Z",
    [],
    [[]],
    ["\u0000"],
    {},
    {"": {"a": [1, None]}},
)
"""Each replaces one member of an otherwise correct body."""

BODIES: Final = (
    b"",
    b" ",
    b"{",
    b"null",
    b"true",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    b'{"name": "\\ud800"}',
    b'{"name": "\\udc00\\ud800"}',
    b'{"name": "\xed\xa0\x80"}',
    b'{"name": "\x00"}',
    b'{"name": 1, "name": "two"}',
    b"[" * 8000,
    b'{"a":' * 1600,
    b"9" * 8000,
    b"a=1&b=2",
)

QUERY_VALUES: Final = (
    "",
    "0",
    "-1",
    "201",
    "1e3",
    "1_0",
    "%D9%A3",
    "9" * 400,
    "NaN",
    "'%20OR%201=1--",
    "%0D%0AX-Injected:%201",
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "%zz",
    "00000000-0000-0000-0000-000000000000",
    "2026-99-99T99:99:99Z",
    "..%2F..%2Fetc%2Fpasswd",
    "A" * 4000,
)
"""Percent-encoded, as in the request target."""

PATH_VALUES: Final = (
    "x",
    "%20",
    "%00",
    "%0D%0AX-Injected:%201",
    "%ED%A0%80",
    "%FF",
    "'%20OR%201=1--",
    "..%2F..",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-4000-8000-000000000001}",
    "%D9%A3" * 32,
    "-1",
    "9" * 400,
    "A" * 4000,
)

AUTHORIZATIONS: Final = (
    b"",
    b"Bearer",
    b"bearer x",
    b"Basic YWRtaW46cGFzc3dvcmQ=",
    b"Bearer psk_",
    b"Bearer psk_dev_' OR 1=1--",
    b"Bearer psk_dev_\xff\xfe",
    b"Bearer psk_dev_\xc3\xa9",
    b"Bearer " + b"psk_" + b"a" * 6000,
    b"Bearer nsk_",
    b"Bearer nsk_dev_AAAA",
    b"Bearer nsk_dev_" + b"A" * 64,
    b"Bearer nsk_dev_\xff",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
)
