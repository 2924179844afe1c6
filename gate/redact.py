"""Keep secrets out of everything that is written: one redactor a run, applied before the first write."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
MINIMUM = 6
PREFIX = 8


def _base64_forms(secret: bytes) -> set[str]:
    """The characters that a secret surely leaves in base64, at each of the three alignments, in both alphabets."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret).decode()
        core = encoded[(0, 2, 3)[offset] :].rstrip("=")
        if (len(secret) + offset) % 3:
            core = core[:-1]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms


def _forms(secret: str) -> set[str]:
    data = secret.encode()
    escaped = json.dumps(secret)[1:-1]
    forms = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret, safe="").lower(), escaped, data.hex(), data.hex().upper()}
    forms |= {escaped.replace("/", "\\/"), "".join(f"%{byte:02X}" for byte in data), "".join(f"%{byte:02x}" for byte in data)}
    return forms | _base64_forms(data)


class Redactor:
    """Replaces every known secret, in the encodings in which one could leave, and what is left of one that was cut short.

    Args:
        secrets: tokens, passwords; empty strings and strings under 6 characters are ignored (they would blank ordinary words).
    """

    def __init__(self, secrets: list[str] | None = None) -> None:
        self._forms: list[str] = []
        self._prefixes: list[str] = []
        for secret in secrets or []:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Learn one more secret, for example a token derived from another."""
        if len(secret) < MINIMUM:
            return
        known = set(self._forms) | {form for form in _forms(secret) if len(form) >= MINIMUM}
        self._forms = sorted(known, key=len, reverse=True)
        if len(secret) > PREFIX:
            self._prefixes = sorted({*self._prefixes, secret}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        for secret in self._prefixes:
            text = _mask_prefix(text, secret)
        return text

    def data(self, value: object) -> object:
        """The same for a JSON-like value: keys and values, at any depth."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def _mask_prefix(text: str, secret: str) -> str:
    """Mask the beginning (8 characters or more) of a secret that was truncated, where it stands."""
    start = text.find(secret[:PREFIX])
    while start >= 0:
        end = start + PREFIX
        while end < len(text) and end - start < len(secret) and text[end] == secret[end - start]:
            end += 1
        text = text[:start] + MASK + text[end:]
        start = text.find(secret[:PREFIX], start + len(MASK))
    return text
