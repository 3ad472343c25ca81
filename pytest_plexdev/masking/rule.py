"""The one rule by which secrets are masked in whatever is shown or kept: text in, the same text with ``***`` out.

Masked are: tokens of the product (``psk_``, ``psb_``, ``nsk_``), JWTs, private keys, the credentials in a URL, bearers,
cookies, and the values of names such as ``password`` or ``client_secret``, as a form, a query, JSON, a Python repr,
YAML, a header or a command line writes them. What is kept is what a reader needs and nobody can use: names, a token's
kind, the last four characters of a long one (they tell two tokens apart), ``None`` and empty values.

The time is linear in the text, and a text that is masked already stays as it is. A secret cut in two is not recognised:
mask first, cut then.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable
from typing import Final

MASK: Final = "***"
_TAIL: Final = 4
"""Characters kept of the end of a long token: of 256 random bits they tell 20."""
_LONG: Final = 40
_LONGEST_SECRET: Final = 16_384
"""Characters of one word; a session with many roles in it has some thousand."""
_MASKED: Final = re.compile(r"(?:\w+_|eyJ)?\*\*\*\w{0,4}|\[secure\]|None|null|[Tt]rue|[Ff]alse", re.ASCII)
"""What is no secret (any more); ``[secure]`` is httpx's."""

_TOKEN: Final = re.compile(
    r"(?:\b(?=p|n)|(?=(?:psk|psb|nsk)_[A-Za-z0-9_-]{16}))(psk|psb|nsk)_([A-Za-z0-9_-]++(?:\.{3}[A-Za-z0-9_-]++)?)",
    re.ASCII,
)
"""Inside a word too where it is long: ``\\n`` in a repr, ``%20`` in a URL. ``...`` is where pytest shortens a repr."""
_DOTTED: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}+(?:\.++[A-Za-z0-9_-]*+){0,8}+", re.ASCII)
_PEM: Final = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)(?!\*\*\*).*?(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_BASE64_PEM: Final = re.compile(
    r"LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFWS|SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS)[\w+/=]*+"
)
"""``-----BEGIN PRIVATE KEY``, with ``RSA`` and with ``EC``, as a kubeconfig holds it."""
_USER_INFO: Final = re.compile(r"(://[^\s/?#\"'<>@:]*+:)([^\s/?#\"'<>]*)@")
_ENCODED_USER_INFO: Final = re.compile(
    r"(%3A%2F%2F[^\s&\"'%]{0,100}(?:%(?!3A|2F|40)[^\s&\"'%]{0,100}){0,9}%3A)([^\s&\"'/]{0,300}?)(%40)", re.IGNORECASE
)
_USER_AS_TOKEN: Final = re.compile(r"\b(nats://|tls://)([^\s/?#\"'<>@:]++)@")
"""NATS takes a token in the place of the user."""
_HEADER: Final = re.compile(
    r"(authorization|cookie)(\\{0,8}[\"']?[ \t]{0,40}[:=,][ \t]{0,40}(?:[bB](?=\\{0,8}[\"']))?)(\\{0,8}[\"'])?",
    re.IGNORECASE | re.ASCII,
)
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Digest|DPoP|Negotiate|Token)[ \t]+", re.IGNORECASE)
_PAIR: Final = re.compile(r"([^\s=;,\"'<>()]{1,200})=([^\s;\"']++)")
_COOKIES: Final = re.compile(
    r"(?:[^\s=;,\"'<>()]{1,200}=[^;\s\"']*+(?:;[ \t]{0,8}|(?=[\s\"']|\Z))"
    r"|(?:HttpOnly|Secure|Partitioned)\b;?[ \t]{0,8})++"
)
_LONG_WORD: Final = re.compile(r"[^\s\"']{16,}+")
_COOKIE_ATTRIBUTES: Final = frozenset({"domain", "expires", "max-age", "path", "samesite"})
_BEARER: Final = re.compile(r"\b([Bb]earer|BEARER|Basic|DPoP)([ \t]+)([A-Za-z0-9._~+/-]{6,}+=*+)", re.ASCII)
_QUERY: Final = re.compile(
    r"((?:[?&;]|%(?:25){0,4}(?:3F|26))(?:amp;)?(?:code|state|hmac)(?:=|(%(?:25){0,4}3D)))((?:(?!%(?:25){0,4}26)[^&\s\"'])++)"
    r"|((?<![^\s\"'>])(?:code|state)=)([^&\s\"']++)(?=&\w)",
    re.IGNORECASE | re.ASCII,
)
"""``code`` and ``state`` are secrets of a sign-in; elsewhere a problem, a Node or a Pod has them, as words."""

_WORDS: Final = (
    "token", "token_hint", "password", "passwd", "passphrase", "pwd", "secret", "nsk", "nonce", "plaintext", "jwt",
    "bearer", "device_code", "user_code", "code_verifier", "code_verifier_handle", "client_assertion", "api_key",
    "access_key", "secret_key", "private_key", "preshared_key", "cursor_key", "pseudonym_key", "client_key_data",
    "plexsphere_session", "plexsphere_csrf", "plexsphere_sign_in", "csrf", "code", "state",
)  # fmt: skip
"""Names, or ends of names, of secrets; ``-`` or nothing may stand for ``_``, and capitals for small letters."""
_HINTS: Final = ("tok", "pass", "pwd", "secret", "nsk", "nonce", "plaintext", "jwt", "bearer", "code", "assertion",
                 "key", "plexsphere", "csrf", "state")  # fmt: skip
"""One of these is in every text that has a name: most texts have none, and cost no more than this look."""
_NAME: Final = re.compile(
    rf"({'|'.join(sorted((word.replace('_', '[-_]?') for word in _WORDS), key=len, reverse=True))})"
    r"(?:(?P<encoded>%(?:25){0,4}3d)"
    r"|(?P<beside>\\{0,8}[\"'](?:[ \t]{1,8}|[ \t]{0,8},\s{0,80})"
    r"\\{0,8}[\"']?value\\{0,8}[\"']?[ \t]{0,8}[=:][ \t]{0,8})"
    r"|(?P<closed>\\{0,8}[\"'])?(?P<before>[ \t]{0,80})(?P<sign>[:=,])(?P<after>[ \t]{0,80})"
    r"|(?P<space>[ \t]{1,8}(?=\S)))"
    r"(?:[bBuUrRfF]{0,2}(?P<quote>\\{0,8}[\"']))?",
    re.ASCII,
)
"""Matched against small letters: that costs a tenth of matching whatever the case is."""
_SMALL: Final = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
_WEAK: Final = frozenset({"code", "state"})
_PLAIN_WORD: Final = re.compile(r"[A-Za-z_-]{0,24}", re.ASCII)
_IN_QUOTES: Final = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*+'),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*+"),
}
_ANY_QUOTE: Final = re.compile(r"(?<!\\)(\\*+)([\"'])|\n")
_TO_DELIMITER: Final = re.compile(r"[^&\s\"']*+")
_TO_ENCODED_DELIMITER: Final = re.compile(r"(?:(?!%(?:25){0,4}26)[^&\s\"'])*+", re.IGNORECASE)
_REST_OF_LINE: Final = re.compile(r"((?:(?!\\[nr])[^\s\"'])++)[ \t]{0,80}(?=[\r\n\"']|\\[nr]|\Z)")
_OBJECT: Final = re.compile(r"[A-Z]\w*\((?:\w+=|\))|<\w|\$[({]", re.ASCII)
"""A repr that masks itself, and a reference to a variable."""
_PUNCTUATION: Final = ",;)]}"


def mask(text: str, known: Iterable[str] = ()) -> str:
    """Replace every secret in *text*.

    Args:
        known: Values that are secrets wherever they stand: those that a stack's exchanges gave out.
    """
    for value in known:
        text = text.replace(value, MASK)
    return _masked(text, lambda _: None)


def mask_and_collect(text: str) -> tuple[str, list[str]]:
    """Mask, and also return the values that only their names gave away: nothing recognises them elsewhere."""
    values: list[str] = []
    return _masked(text, values.append), values


def without_cut_word(text: str) -> str:
    """*text*, the end of a longer one, without the word that the cut may have gone through."""
    found = re.search(r"\s", text[:_LONGEST_SECRET])
    return text[found.start() if found else _LONGEST_SECRET :]


def _masked(text: str, found: Callable[[str], None]) -> str:
    # Each look costs a hundredth of the pattern that it saves, and most texts need none.
    text = _without_formats(text)
    small = text.lower()
    if "authorization" in small or "cookie" in small:
        text = _replace(text, _HEADER, _header_value)
    if "bearer " in small or "basic " in small or "dpop " in small:
        text = _BEARER.sub(_without_bearer, text)
    if "code" in small or "state" in small or "hmac" in small:
        text = _QUERY.sub(_without_parameter, text)
    if any(hint in small for hint in _HINTS):
        small = _small(text)
        text = _replace(text, _NAME, lambda text, name: _named_value(text, name, found), searched=small)
    return text


def _without_formats(text: str) -> str:
    """The text without what shows by itself that it is a secret."""
    if "PRIVATE KEY" in text:
        text = _PEM.sub(rf"\1{MASK}\2", text)
    if "LS0tLS1CRUdJTiB" in text:
        text = _BASE64_PEM.sub(MASK, text)
    if "psk_" in text or "psb_" in text or "nsk_" in text:
        text = _TOKEN.sub(_kind_and_end, text)
    if "eyJ" in text:
        text = _DOTTED.sub(_without_jwt, text)
    if "://" in text and "@" in text:
        text = _USER_AS_TOKEN.sub(rf"\1{MASK}@", _USER_INFO.sub(rf"\1{MASK}@", text))
    if "%40" in text:
        text = _ENCODED_USER_INFO.sub(rf"\1{MASK}\3", text)
    return text


_Span = tuple[int, int, str]
"""Where a value begins and ends, and what stands for it."""


def _small(text: str) -> str:
    """*text* in small letters, character by character."""
    small = text.lower()
    return small if len(small) == len(text) else text.translate(_SMALL)


def _replace(
    text: str,
    pattern: re.Pattern[str],
    value_of: Callable[[str, re.Match[str]], _Span | None],
    *,
    searched: str | None = None,
) -> str:
    """Replace the values that follow what *pattern* finds; it goes on after each, so that none is read twice.

    Args:
        searched: Where the pattern is searched, with the positions of *text*; by default in *text*.
    """
    searched = text if searched is None else searched
    parts: list[str] = []
    copied = position = 0
    while match := pattern.search(searched, position):
        span = value_of(text, match)
        position = match.end(1)
        if span is not None:
            begin, end, shown = span
            parts += [text[copied:begin], shown]
            copied = end
            position = max(position, end)
    return "".join([*parts, text[copied:]])


def _kind_and_end(token: re.Match[str]) -> str:
    secret = token[2]
    return f"{token[1]}_{MASK}{secret[-_TAIL:] if len(secret) >= _LONG and secret[-_TAIL:].isalnum() else ''}"


def _without_jwt(run: re.Match[str]) -> str:
    begin = run[0].find("eyJ")
    return run[0] if begin < 0 or len(run[0]) - begin < _LONG // 2 else f"{run[0][:begin]}eyJ{MASK}"


def _without_bearer(match: re.Match[str]) -> str:
    scheme, space, value = match.groups()
    is_secret = len(value) >= 16 or any(letter.isdigit() for letter in value)
    is_secret = is_secret and not match.string.startswith(MASK, match.end())  # the kind of a token that is masked
    return f"{scheme}{space}{MASK}" if is_secret else match[0]


def _without_parameter(match: re.Match[str]) -> str:
    prefix = match[1] or match[4]
    return f"{prefix}{_shown(match[3] or match[5])}"


def _header_value(text: str, header: re.Match[str]) -> _Span | None:
    begin, quote = header.end(), header[3]
    is_cookie = header[1].lower() == "cookie"
    if quote:
        end = _end_of_quoted(text, begin, quote)
    elif is_cookie:
        end = _end(_COOKIES, text, begin)
    else:
        end = _end_of_line(text, begin) if _SCHEME.match(text, begin) else _end(_LONG_WORD, text, begin)
    value = text[begin:end]
    if is_cookie and "=" in value:
        return begin, end, _PAIR.sub(_without_cookie, value)
    scheme = _SCHEME.match(value)
    kept = scheme[0] if scheme else ""
    rest = value[len(kept) :]
    return (begin, end, f"{kept}{_shown(rest)}") if rest else None


def _without_cookie(pair: re.Match[str]) -> str:
    return pair[0] if pair[1].lower() in _COOKIE_ATTRIBUTES else f"{pair[1]}={_shown(pair[2])}"


def _named_value(text: str, name: re.Match[str], found: Callable[[str], None]) -> _Span | None:
    word_begins = _begin_of_word(text, name.start())
    is_option = text.startswith("--", word_begins)
    begin = name.end()
    quote = name["quote"]
    if name[1] in _WEAK and not (quote and word_begins == name.start()):
        return None
    if name["space"] is not None and not is_option and not (quote == "'" and name[1] == "password"):
        return None
    if name["sign"] == "," and not (name["closed"] and quote and (is_option or _opens_tuple(text, word_begins))):
        return None
    if quote:
        end = _end_of_quoted(text, begin, quote)
    else:
        unquoted = _end_of_unquoted(text, name, begin, word_begins, is_option=is_option)
        if unquoted is None:
            return None
        end = unquoted
    value = text[begin:end]
    if not value or (name[1] in _WEAK and not _is_weak_secret(name[1], value)):
        return None
    shown = _shown(value)
    if shown == MASK and quote and "\\" not in value and len(value) >= 16:
        found(value)
    return begin, end, shown


def _is_weak_secret(name: str, value: str) -> bool:
    if name == "state":
        return not _PLAIN_WORD.fullmatch(value)
    return len(value) >= 16 and any(letter.isdigit() for letter in value)


def _end_of_unquoted(text: str, name: re.Match[str], begin: int, word_begins: int, *, is_option: bool) -> int | None:
    """Where a value without quotes ends; ``None`` where what follows is no value, or an object that masks itself."""
    if name["encoded"]:
        return _end(_TO_ENCODED_DELIMITER, text, begin)
    is_spaced = bool(name["before"] or name["after"])
    if name["space"] is not None or (name["sign"] == "=" and not is_spaced):
        if _OBJECT.match(text, begin):
            return None
        end = _end(_TO_DELIMITER, text, begin)
        while end > begin and text[end - 1] in _PUNCTUATION:
            end -= 1
        return end
    if name["closed"] or name["beside"] or name["sign"] not in {"=", ":"} or name[1] in {"secret", "bearer"}:
        return None  # a JSON number, an object: their members have names of their own
    line = _REST_OF_LINE.match(text, begin)
    if line is None or _OBJECT.match(text, begin) or line[1][0] in "<([{" or re.fullmatch(r"[\d.]{1,9}", line[1]):
        return None
    begins_line = _begins_line(text, word_begins)
    is_random = len(line[1]) >= 16 and any(letter.isdigit() for letter in line[1])
    return line.end(1) if begins_line or is_random or is_option else None


def _begins_line(text: str, position: int) -> bool:
    """Whether a line's first word is there: behind what a list, a quote, an error or pytest puts before a line."""
    before = text[max(0, position - 80) : position].rstrip(" \t").removesuffix("-").rstrip(" \t")
    return not before or before.endswith(("\n", "\\n", '"', "'", "|", ">", "\nE")) or before == "E"


def _shown(value: str) -> str:
    return value if _MASKED.fullmatch(value) else MASK


def _end_of_quoted(text: str, begin: int, quote: str) -> int:
    """Where the value behind *quote* ends: before the same quote, with its backslashes or fewer, or with the line."""
    if len(quote) == 1:
        return _end(_IN_QUOTES[quote], text, begin)
    for found in _ANY_QUOTE.finditer(text, begin):
        if found[2] is None or (found[2] == quote[-1] and len(found[1]) < len(quote)):
            return found.start()
    return len(text)


def _end_of_line(text: str, begin: int) -> int:
    ends = [end for end in (text.find("\n", begin), text.find("\\n", begin)) if end >= 0]
    return min(ends, default=len(text))


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return match.end() if match else begin


def _begin_of_word(text: str, position: int) -> int:
    least = max(0, position - 64)
    while position > least and (text[position - 1].isalnum() or text[position - 1] in "_-"):
        position -= 1
    return position


def _opens_tuple(text: str, position: int) -> bool:
    return bool(re.search(r"\([ \t]*[bB]?\\{0,8}[\"']\Z", text[max(0, position - 12) : position]))
