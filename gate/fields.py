"""Fields of an answer, by the JMESPath expressions of a profile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


def pick(expression: str | None, data: Any) -> Any:
    """What the expression finds, or None; data of an unexpected shape finds nothing."""
    if expression is None:
        return None
    try:
        return jmespath.search(expression, data)
    except JMESPathError:
        return None


def ids(expressions: Iterable[str], data: Any) -> set[str]:
    """The ids found by the first expression that finds a list; an empty set if none does. Repetitions fall together."""
    for expression in expressions:
        found = pick(expression, data)
        if isinstance(found, list) and found:
            return {str(item) for item in found if item is not None}
    return set()


def mistake(expression: str) -> str | None:
    """What is wrong with an expression, in one line; None if nothing is."""
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        return " ".join(str(error).split())
    return None
