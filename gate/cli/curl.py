"""A probe as a curl command that a reader can paste: shell variables where secrets would be."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from gate.model import Probe

BASE_URL = "$BASE_URL"
LONGEST = 400  # a longer body is named, not shown


def curl(probe: Probe, variables: Mapping[str, str]) -> str:
    """One line of shell.

    Args:
        probe: what would be sent.
        variables: made-up secrets, longest first, and the shell words that stand for the real ones.
    """
    method = [] if probe.method == "GET" else ["--head"] if probe.method == "HEAD" else ["-X", probe.method]
    address = _word(BASE_URL + probe.target, {**variables, BASE_URL: BASE_URL})
    parts = ["curl", "-sS", "-i", "--path-as-is", *method, address]
    for name, value in probe.headers:
        # A colon without a value would make curl leave the header out; the semicolon sends it empty.
        parts += ["-H", _word(f"{name}: {value}" if value else f"{name};", variables)]
    if probe.body is not None:
        long = len(probe.body) > LONGEST
        parts += ["--data-binary", f"@FILE-OF-{len(probe.body)}-BYTES" if long else _word(probe.body.decode("latin-1"), variables)]
    return " ".join(parts)


def _word(text: str, variables: Mapping[str, str]) -> str:
    """A shell word for text of one character a byte: quoted, with variables, and `$'…'` (bash) for what cannot be typed."""
    if any(secret in text for secret in variables):
        return f'"{_filled(text, variables)}"'
    if all(_typed(char) for char in text):
        return shlex.quote(text)
    return "$'" + "".join(_escaped(char) for char in text) + "'"


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """The inside of double quotes."""
    secret = next((item for item in variables if item in text), None)
    if secret is None:
        return "".join(f"\\{char}" if char in '"\\$`' else char if _typed(char) else f"\"$'{_escaped(char)}'\"" for char in text)
    before, _, after = text.partition(secret)
    return _filled(before, variables) + variables[secret] + _filled(after, variables)


def _typed(char: str) -> bool:
    return char.isascii() and char.isprintable()


def _escaped(char: str) -> str:
    if char in "'\\":
        return f"\\{char}"
    return char if _typed(char) else f"\\x{ord(char):02x}"
