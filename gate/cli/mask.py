"""Secrets blanked in what goes to standard error at the edge, where a run's own redactor may not exist."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from gate.redact import MASK, Redactor

NAMES = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL|TOKEN_MAP|_URL$|_DSN$)(?!.*_FILE$)", re.IGNORECASE)
IN_URL = re.compile(r"(?<=://)[^\s/@'\"]*:[^\s/'\"]*(?=@)")
SHAPES = (
    re.compile(r"(?i)\b(?:bearer|basic)\s+[^\s'\",;]+"),
    re.compile(r"(?i)\b(?:password|token|secret)\s*[=:]\s*['\"]?[^\s'\",;]+"),
    re.compile(r"(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{24,}"),
)


def masked(text: str, *, guess: bool = False) -> str:
    """The text without the values of secret environment variables and without passwords in URLs.

    Args:
        text: what is about to be written.
        guess: blank also whatever is shaped like a credential: for the text of an error that nobody foresaw.
    """
    text = IN_URL.sub(MASK, Redactor(_secrets()).text(text))
    for shape in SHAPES if guess else ():
        text = shape.sub(MASK, text)
    return text


def _secrets() -> list[str]:
    found: set[str] = set()
    for name, value in os.environ.items():
        if not NAMES.search(name):
            continue
        found |= {_password(value)} if "://" in value else {value, *value.split(",")}
    return sorted(found - {""})


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
