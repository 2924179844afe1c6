"""HTML pages: one self-contained file each. What a stranger wrote is cleaned, then escaped, and could not run if it were neither."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from gate.paths import data_root
from gate.report.clean import line

STYLE, SCRIPT = "page.css", "page.js"
T = TypeVar("T")
LONGEST = 1200  # characters of one value: what is longer was cut where the page was put together


def render(template: str, **values: Any) -> str:
    """The page: style and script in it, and a policy that allows these two by their digests and nothing else, not even an address."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - slow to load, and only pages need it
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    folder = data_root() / "templates"
    style, script = (f"\n{(folder / name).read_text(encoding='utf-8')}" for name in (STYLE, SCRIPT))
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup | int) else line(value, LONGEST),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    # Both files are ours, not a stranger's words.
    ours = {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704 - as the line above says
    return environment.get_template(template).render(**values, **ours)


def picture(svg: str) -> Any:
    """An SVG picture of ours, to stand in a page as it is: whoever drew it has escaped what is a stranger's."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    return Markup(svg)  # noqa: S704 - as the docstring says


def size(value: object) -> int:
    """About how many bytes it takes in the page, escaped; cleaned text only."""
    if isinstance(value, dict):
        return sum(map(size, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(size, value)) + 8 * len(value)
    text = value if isinstance(value, str) else str(value)
    return len(text.encode()) + sum(text.count(char) for char in "&<>\"'") * 4


def within(items: Iterable[T], cost: Callable[[T], int], budget: int) -> Iterator[T]:
    """The first of the items, as many as the budget of bytes allows."""
    for item in items:
        budget -= cost(item)
        if budget < 0:
            return
        yield item


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
