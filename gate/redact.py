r"""Keep secrets out of everything that is written: one redactor a run, applied before the first write.

A secret leaves a service in many spellings: base64 inside a cookie, percent-encoded in a redirect, `\u002b` in JSON, `&#43;` in a page,
each of them perhaps twice over, or cut short. Two rules cover them all. What cannot be undone without knowing where it starts (base64,
hex) is searched for as it would be spelt; what can be undone character by character (percent, JSON, HTML) is undone first, and the
place found is masked in the text as it stood.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Iterator
from functools import cache

MASK = "[redacted]"
MINIMUM = 6  # shorter secrets would blank ordinary words
PREFIX = 8  # this much of a secret that was cut short is masked
LAYERS = 3  # percent-encoded JSON in an HTML page; nobody does more by accident

_UNIT = re.compile(
    rb"%([0-9A-Fa-f]{2})"
    rb"|\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})"
    rb"|\\u([0-9A-Fa-f]{4})"
    rb"|\\x([0-9A-Fa-f]{2})"
    rb"|\\([\"'\\/bfnrt])"
    rb"|&#0*([0-9]{1,7});?"
    rb"|&#[xX]0*([0-9A-Fa-f]{1,6});?"
    rb"|&([A-Za-z][A-Za-z0-9]{1,31});"
)
_SHORT = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Redactor:
    """Replaces every known secret, in every spelling above, and what is left of one that was cut short.

    Safe to use from many threads, also while secrets are added.

    Args:
        secrets: tokens, passwords; what is shorter than 6 characters is ignored.
    """

    def __init__(self, secrets: list[str] | None = None) -> None:
        self._needles: dict[bytes, bytes] = {}
        self._numbers = False
        for secret in secrets or []:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Learn one more secret, for example a token derived from another."""
        secret = secret.strip()
        if len(secret) < MINIMUM:
            return
        self._needles = {**self._needles, **_needles(secret)}  # a new dictionary: other threads may be reading the old one
        self._numbers = self._numbers or re.fullmatch(r"[-+.0-9eE]+", secret) is not None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if len(text) < MINIMUM:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        spans = self._spans(raw)
        if not spans:
            return text
        parts, position = [], 0
        for start, end in spans:
            parts += [raw[position:start], MASK.encode()]
            position = end
        return b"".join([*parts, raw[position:]]).decode("utf-8", "replace")

    def data(self, value: object) -> object:
        """The same for a JSON-like value: keys and values, at any depth."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        if self._numbers and isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self._spans(str(value).encode()) else value
        return value

    def _object(self, value: dict[object, object]) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, item in value.items():
            name = plain = self.text(str(key))
            # Two secrets as keys are both masked: what stood under them must not be lost for it.
            number = 2
            while name in result:
                name, number = f"{plain} ({number})", number + 1
            result[name] = self.data(item)
        return result

    def _spans(self, raw: bytes) -> list[tuple[int, int]]:
        """Where secrets stand, in order and without overlaps: in the text as it is, and as it reads once its escapes are undone."""
        needles = self._needles
        found = list(_find(raw, needles))
        layer = raw
        for depth in range(1, LAYERS + 1):
            if not any(sign in layer for sign in (b"%", b"\\", b"&")):
                break
            layer = _UNIT.sub(_undone, layer)
            if here := list(_find(layer, needles)):
                starts, ends = _places(raw, depth)
                found += [(starts[start], ends[end - 1]) for start, end in here]
        return _merged(found)


def _find(text: bytes, needles: dict[bytes, bytes]) -> Iterator[tuple[int, int]]:
    """Every place where a needle begins, as far as it goes."""
    for needle, prefix in needles.items():
        start = text.find(prefix)
        while start >= 0:
            end = start + len(prefix)
            while end < len(text) and end - start < len(needle) and text[end] == needle[end - start]:
                end += 1
            yield start, end
            start = text.find(prefix, start + 1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _needles(secret: str) -> dict[bytes, bytes]:
    """What to search for, with the beginning that is enough to be masked."""
    data = _bytes(secret)
    plain = {data, data.replace(b" ", b"+"), _bytes(data.decode("latin-1"))}
    if not data.isascii():
        plain.add(secret.encode("latin-1", "ignore"))
    undone = data
    for _ in range(LAYERS):
        undone = _UNIT.sub(_undone, undone)
        plain.add(undone)
    needles = {item: item[:PREFIX] for item in plain if len(item) >= MINIMUM}
    needles |= {item: item[: PREFIX * 8 // 6] for item in _base64_forms(data)}
    return needles | {item: item[: PREFIX * 2] for item in (data.hex().encode(), data.hex().upper().encode())}


def _bytes(text: str) -> bytes:
    """UTF-8; a variable of the environment that was none keeps its own bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _base64_forms(data: bytes) -> set[bytes]:
    """The characters that a secret surely leaves in base64, at each of the three alignments, in both alphabets."""
    forms = set()
    for offset in range(3):
        core = base64.b64encode(b"\0" * offset + data)[(0, 2, 3)[offset] :].rstrip(b"=")
        if (len(data) + offset) % 3:
            core = core[:-1]  # this character also depends on what follows the secret
        forms |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _undone(match: re.Match[bytes]) -> bytes:
    """The bytes that one escape stands for; itself if it stands for nothing."""
    percent, high, low, unicode, byte, short, decimal, hexadecimal, name = match.groups()
    if percent or byte:
        return bytes.fromhex((percent or byte).decode())
    if short:
        return _SHORT.get(short, short)
    if name:
        return _entities().get(name, match[0])
    if high:
        code = 0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)
    else:
        code = int(decimal) if decimal else int(unicode or hexadecimal, 16)
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else match[0]


@cache
def _entities() -> dict[bytes, bytes]:
    from html.entities import html5  # noqa: PLC0415 - two thousand names that few texts need

    return {name[:-1].encode(): text.encode() for name, text in html5.items() if name.endswith(";")}


def _places(raw: bytes, depth: int) -> tuple[array[int], array[int]]:
    """For each byte of the text with `depth` layers of escapes undone: where in `raw` its spelling starts and ends."""
    layer = raw
    starts, ends = array("q", range(len(raw))), array("q", range(1, len(raw) + 1))
    for _ in range(depth):
        new_starts, new_ends, position = array("q"), array("q"), 0
        for match in _UNIT.finditer(layer):
            new_starts.extend(starts[position : match.start()])
            new_ends.extend(ends[position : match.start()])
            length = len(_undone(match))
            new_starts.extend([starts[match.start()]] * length)
            new_ends.extend([ends[match.end() - 1]] * length)
            position = match.end()
        new_starts.extend(starts[position:])
        new_ends.extend(ends[position:])
        layer, starts, ends = _UNIT.sub(_undone, layer), new_starts, new_ends
    return starts, ends
