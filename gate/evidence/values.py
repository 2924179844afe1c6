"""What a journal line may hold: one rule that turns Python values into JSON that RFC 8785 can carry without loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePath

from gate.errors import EvidenceError

EXACT = 2**53  # from here on a JSON reader may round an integer


def plain(value: object) -> object:
    r"""The value as JSON types only.

    - an enum is its value, a dataclass an object of its fields, without those kept out of its repr (they may hold secrets);
    - a Decimal is its text, so that 650.00 stays 650.00; a date or a path is its text;
    - bytes are UTF-8 text, what is no UTF-8 as `\xNN`;
    - a number of 2^53 or more is its text; one that is no number (NaN, infinity) is refused: it was never a measurement;
    - half a surrogate pair becomes U+FFFD; tuples and sets are lists, sets in sorted order;
    - anything else is refused.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int | float):
        return _number(value)
    return _spelt(value) if isinstance(value, str | bytes | bytearray | Decimal | date | PurePath) else _container(value)


def _spelt(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    return _text(str(value))


def _container(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    raise EvidenceError(f"a value of type {type(value).__name__} cannot be recorded", "text, numbers, lists or objects", _BUG)


def _object(value: Mapping[object, object]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in value.items():
        name = _spelt(plain(key))
        if name in result:
            raise EvidenceError(f"two keys of one object are both recorded as {name!r}", "distinct keys", _BUG)
        result[name] = plain(item)
    return result


def _number(value: float) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise EvidenceError(f"the number {value} cannot be recorded", "a finite number", _BUG)
    if abs(value) < EXACT:
        return value
    try:
        return str(value)
    except ValueError:  # Python refuses to print integers of more than 4300 digits in base ten
        return hex(int(value))


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Through UTF-16 the two halves of a pair find each other; what stays alone is replaced.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


_BUG = "report this as a defect of the gate; the run has no verdict"
