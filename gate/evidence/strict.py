"""JSON and base64 read so that there is one way only to write what they say: whatever was changed, shows."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NoReturn

import rfc8785

from gate.evidence.decode import Mismatch

DEEPEST = 40


def canonical(value: object) -> bytes:
    """The value as RFC 8785 JSON, without a newline."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # what is no JSON is refused there


def parse(data: bytes) -> Any:
    """The value of canonical JSON.

    Raises:
        Mismatch: it is no JSON, a key stands twice, it is nested too deeply, or it could be written in another way.
    """
    try:
        value = json.loads(data, object_pairs_hook=distinct, parse_constant=no_constant)
        same = rfc8785.dumps(value) == data
    except Mismatch:
        raise
    except (ValueError, RecursionError) as error:
        raise Mismatch(f"no JSON: {error!s:.100}") from None
    if not same:
        raise Mismatch("not canonical JSON (RFC 8785)")
    return value


def parse_line(data: bytes) -> Any:
    """The same for a file that is one line of canonical JSON and ends with its newline."""
    if not data.endswith(b"\n"):
        raise Mismatch("the last byte is no newline")
    return parse(data[:-1])


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key stands twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Mismatch("a key stands twice in one object")
    return result


def no_constant(name: str) -> NoReturn:
    """NaN and Infinity."""
    raise Mismatch(f"{name} is not JSON")


def decode64(text: object) -> bytes:
    """The bytes of standard base64 that encodes back to the same text."""
    if not isinstance(text, str):
        raise Mismatch("base64 text was expected")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch("no base64") from None
    if base64.b64encode(data).decode() != text:
        raise Mismatch("base64 that could be written in another way")
    return data


def encode64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def fields(value: object, *names: str, what: str) -> dict[str, Any]:
    """The object, if it has exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise Mismatch(f"{what} must have exactly the fields {', '.join(sorted(names))}")
    return value


def text(value: object, what: str) -> str:
    """The value, if it is text."""
    if not isinstance(value, str):
        raise Mismatch(f"{what} must be text")
    return value
