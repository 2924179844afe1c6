"""Whether two names mean one person, however they are written."""

from __future__ import annotations

import re
import unicodedata

# Letters of other scripts that look like Latin ones: a second "person" made of these would otherwise pass for somebody else.
_LOOKALIKES = str.maketrans("аеорсухіјѕвнкмтԁԛԝɡαορνιτκυχӏ", "aeopcyxijsbhkmtdqwgaopvitkuxl")
_ADDRESS = re.compile(r"[^\s<>()]+@[^\s<>()]+")


def same(one: str, other: str) -> bool:
    """Equal without regard to case, accents, look-alike letters, spaces, punctuation or word order; or with the same address."""
    return bool(_keys(one) & _keys(other))


def _keys(name: str) -> set[str]:
    parts = [_words(name), _words(_ADDRESS.sub(" ", name)), *map(_words, _ADDRESS.findall(name))]
    return ({" ".join(sorted(words)) for words in parts} | {"".join(words) for words in parts}) - {""}


def _words(text: str) -> list[str]:
    """Its words, stripped to letters and digits."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold().translate(_LOOKALIKES))
    kept = "".join(char if char.isalnum() else " " if char.isspace() or char in "-_.,@" else "" for char in spread)
    return kept.split()
