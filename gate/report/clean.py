"""What a stranger wrote (a target's answer, a profile's title, an approver's name), made harmless for the place where it will stand."""

from __future__ import annotations

import json
import re
import unicodedata

LIMIT = 400  # characters: enough for a sentence with its reason
DEPTH = 24
ITEMS = 100_000

# Terminal commands with what belongs to them: CSI; OSC, DCS, SOS, PM and APC up to their end; then what is left of one that has no end.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACE = re.compile(r"\s+")
# What means something in the middle of a line; what does so only at its beginning cannot come to stand there. Bare addresses become links.
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$@]|(?<=:)/(?=/)|(?<=[Ww]{3})\.)")
_DROPPED = {"Cc", "Cf", "Cn", "Co", "Cs"}  # control, invisible or direction-changing, unassigned, private, half a character


class Safe(str):
    """Text that is fit for Markdown as it stands."""

    __slots__ = ()


def line(text: object, limit: int = LIMIT) -> str:
    """One line of visible characters, cut to `limit`: no terminal command, no control, invisible or direction-changing character."""
    whole = str(text)
    if len(whole) <= limit and whole.isascii() and whole.isprintable() and "  " not in whole:
        return whole.strip()  # nearly always: there is nothing in it to clean
    raw = whole[: limit * 8]
    visible = _SPACE.sub(" ", _TERMINAL.sub("", raw))
    visible = "".join(char for char in visible if char == " " or unicodedata.category(char) not in _DROPPED).strip()
    if len(visible) <= limit and len(raw) == len(whole):
        return visible
    note = f"... ({len(whole)} characters)"
    return visible[: max(0, limit - len(note))] + note


def shown(value: object, limit: int = LIMIT) -> str:
    """A measurement as the checklist writes it: text as it is, anything else as JSON (`true`, `[]`, `2`)."""
    return line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), limit)


def markdown(text: object, limit: int = LIMIT) -> Safe:
    """The same as plain text of a Markdown document: nothing in it is a link, an image, HTML, a table or emphasis."""
    if isinstance(text, Safe):
        return text
    plain = line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Safe(_MARKDOWN.sub(r"\\\1", plain))


def code(text: object, limit: int = LIMIT) -> Safe:
    """The same between backticks, where Markdown knows no escapes: what could end the code, or be HTML to a careless reader, is swapped."""
    swapped = line(text, limit).translate(str.maketrans("`<>|", "'\u2039\u203a\u00a6"))
    return Safe(f"`{swapped or ' '}`")


def tree(value: object, depth: int = 0) -> object:
    """A JSON value with `line` applied to every text in it, keys included; too deep or too long is cut and says so."""
    if isinstance(value, str):
        return line(value)
    if depth > DEPTH and isinstance(value, dict | list | tuple):
        return "... (nested too deeply)"
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, list | tuple):
        kept = [tree(item, depth + 1) for item in value[:ITEMS]]
        return kept if len(value) <= ITEMS else [*kept, f"... ({len(value)} items)"]
    return value


def _object(value: dict[object, object], depth: int) -> dict[str, object]:
    result: dict[str, object] = {}
    for number, (key, item) in enumerate(value.items()):
        if number == ITEMS:
            return {**result, "...": f"({len(value)} keys)"}
        name = line(key)
        result[name if name not in result else f"{name} ({number})"] = tree(item, depth + 1)
    return result


def folded(text: str, width: int) -> list[str]:
    """Clean text in lines of at most `width` columns (a wide character takes two); at least one line."""
    lines, current, used = [], "", 0
    for word in text.split(" "):
        for piece in _pieces(word, width):
            size = columns(piece)
            if current and used + 1 + size > width:
                lines.append(current)
                current, used = "", 0
            current, used = (f"{current} {piece}", used + 1 + size) if current else (piece, size)
    return [*lines, current]


def columns(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _pieces(word: str, width: int) -> list[str]:
    """A word too long for a line, in pieces that fit."""
    pieces, current, used = [], "", 0
    for char in word:
        if used + _width(char) > width:
            pieces.append(current)
            current, used = "", 0
        current, used = current + char, used + _width(char)
    return [*pieces, current]
