"""Random edits of a file, the same for the same seed: what a disk, an editor or a hasty hand does to bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

LONGEST = 64  # bytes that one edit touches
Edit = Callable[[bytes, random.Random], bytes]


def _flip(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def _delete(content: bytes, chance: random.Random) -> bytes:
    start, end = _range(content, chance)
    return content[:start] + content[end:]


def _insert(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.randbytes(chance.randint(1, LONGEST)) + content[place:]


def _swap(content: bytes, chance: random.Random) -> bytes:
    """Two neighbouring pieces change places."""
    start, end = _range(content, chance)
    middle = chance.randint(start, end)
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def _duplicate(content: bytes, chance: random.Random) -> bytes:
    start, end = _range(content, chance)
    return content[:end] + content[start:]


def _truncate(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _range(content: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.randint(1, LONGEST))


EDITS: dict[str, Edit] = {
    "flip": _flip,
    "delete": _delete,
    "insert": _insert,
    "swap": _swap,
    "duplicate": _duplicate,
    "truncate": _truncate,
}


def edited(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    """The name of an edit, and the content after it: never the same as before."""
    while True:
        name = chance.choice(list(EDITS)) if content else "insert"
        if (found := EDITS[name](content, chance)) != content:
            return name, found
