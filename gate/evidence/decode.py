"""Rebuild the product's dataclasses from JSON, strictly: an unknown, missing or wrongly typed field is refused, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Mismatch(ValueError):  # noqa: N818 - it says what the data is
    """What was found does not fit the type that was expected."""


def build(kind: type[T], data: object) -> T:
    """An instance of the dataclass `kind` with exactly the fields that `data` gives.

    Raises:
        Mismatch: naming the field and what is wrong with it.
    """
    if not isinstance(data, dict):
        raise Mismatch(f"{kind.__name__}: an object was expected")
    hints, required = _shape(kind)  # type: ignore[arg-type]  # every class is hashable; mypy does not know it of type[T]
    if unknown := sorted(set(data) - set(hints)):
        raise Mismatch(f"{kind.__name__}: unknown field {unknown[0]!r}")
    if missing := sorted(required - set(data)):
        raise Mismatch(f"{kind.__name__}: field {missing[0]!r} is missing")
    values = {name: _value(hints[name], item, f"{kind.__name__}.{name}") for name, item in data.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise Mismatch(str(error)) from None


@cache
def _shape(kind: Any) -> tuple[dict[str, Any], set[str]]:
    own = fields(kind)
    hints = get_type_hints(kind)
    optional = {field.name for field in own if field.default is not MISSING or field.default_factory is not MISSING}
    return {field.name: hints[field.name] for field in own}, {field.name for field in own} - optional


def _value(hint: Any, item: object, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return item
    if origin in (Union, UnionType):
        return _union(hint, item, where)
    if origin is dict:
        return _mapping(get_args(hint)[1], item, where)
    if origin is tuple:
        return _tuple(get_args(hint)[0], item, where)
    if issubclass(hint, Enum):
        return _word(hint, item, where)
    return _scalar(hint, item, where) if hint in (str, int, float, bool) else build(hint, item)


def _scalar(hint: type, item: object, where: str) -> Any:
    if hint is float and type(item) is int:
        return float(item)  # canonical JSON writes 1.0 as 1
    if type(item) is not hint:
        raise Mismatch(f"{where}: {hint.__name__} was expected, not {item!r:.60}")
    return item


def _union(hint: Any, item: object, where: str) -> Any:
    kinds = get_args(hint)
    if item is None and NoneType in kinds:
        return None
    return _value(next(kind for kind in kinds if kind is not NoneType), item, where)


def _tuple(inner: Any, item: object, where: str) -> tuple[Any, ...]:
    if not isinstance(item, list):
        raise Mismatch(f"{where}: a list was expected, not {item!r:.60}")
    return tuple(_value(inner, one, where) for one in item)


def _mapping(inner: Any, item: object, where: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Mismatch(f"{where}: an object was expected, not {item!r:.60}")
    return {name: _value(inner, one, f"{where}.{name:.40}") for name, one in item.items()}


def _word(kind: Callable[[object], Any], item: object, where: str) -> Any:
    try:
        return kind(item if type(item) is not bool else None)  # True equals 1, and is no phase
    except ValueError:
        raise Mismatch(f"{where}: {item!r:.60} is none of its words") from None
