"""A run under load in the text report: at most 80 columns, nothing of a stranger's at the beginning of a line."""

from __future__ import annotations

from collections.abc import Sequence

from gate.report.clean import columns, folded
from gate.report.load_view import CANNOT, PERCENTILES, UNKNOWN, Check, Load, Part, T, read

WIDTH, LABEL, INDENT, GAP = 80, 16, 2, "  "
JOINT = "\ue000"  # stands for a blank; `clean.line` lets none of them in
NAMES = ("Latency in ms, from when due", "count", "errors", *PERCENTILES)
CHECK = ("observed", "limit", "outcome")


def lines(fact: object) -> list[str]:
    """The section LOAD.

    Args:
        fact: the fact `load` of the run, whatever it is; None where there is none, which gives no line at all.
    """
    if fact is None:
        return []
    load = read(fact)
    told = [f"LOAD: outcome {CANNOT}" if load.outcome == CANNOT else f"LOAD: {load.outcome}"]
    for name, text in load.told:
        told += _beside(name, text)
    told += _reasons(load)
    told += _table(NAMES, [(item.name, *item.cells) for item in load.names.rows], load.names)
    told += _table(("Limits", *CHECK), _rows(load.checks), load.checks)
    if load.comparison.rows or load.comparison.note:
        told += _table(("Against an earlier run", *CHECK), _rows(load.comparison), load.comparison)
    return told


def _reasons(load: Load) -> list[str]:
    """Why it did not pass, each reason from a line of its own."""
    found = [*load.reasons.rows, *([load.reasons.note] if load.reasons.note else [])]
    return [part for place, reason in enumerate(found) for part in _beside("" if place else "Why", reason, "- ")]


def _rows(part: Part[Check]) -> list[tuple[str, ...]]:
    return [(item.what, item.observed, item.limit, item.outcome) for item in part.rows]


def _beside(label: str, text: str, mark: str = "") -> list[str]:
    """A label, and beside it the mark and the text, all lines of which begin below each other."""
    first, *rest = folded(text, WIDTH - LABEL - len(mark))
    return [f"{label:{LABEL}}{mark}{first}", *(f"{'':{LABEL + len(mark)}}{item}" for item in rest)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], part: Part[T]) -> list[str]:
    """Rows under their head, and what is missing of them; the first column is folded to the width that the others leave."""
    if not rows:
        return ["", *_within(f"{head[0]}: {part.note or 'none'}")]
    most, *widths = [max(columns(row[place]) for row in (head, *rows)) for place in range(len(head))]
    first = min(most, WIDTH - INDENT - sum(widths) - len(GAP) * len(widths))
    side = "<" if tuple(head[1:]) == CHECK else ">"  # numbers of one kind stand below each other by their last digit
    told = [""]
    for row in (head, *rows):
        *above, last = _name(row[0], first)
        cells = [f"{cell:{side}{width}}" for cell, width in zip(row[1:], widths, strict=True)]
        told += [*(f"{' ' * INDENT}{item}" for item in above), _joined(last, first, cells)]
    lost = any(UNKNOWN in cell for row in rows for cell in row[1:])
    return [*told, *_within(part.note), *_within(f"{UNKNOWN}: {CANNOT}" if lost else "")]


def _name(text: str, width: int) -> list[str]:
    """A name in lines of that width, broken behind a slash where there is one: not behind its method."""
    found: list[str] = []
    while columns(text) > width:
        end = len(folded(text.replace(" ", JOINT), width)[0]) or 1
        end = text.rfind("/", 1, end) + 1 or end
        found, text = [*found, text[:end]], text[end:]
    return [*found, text]


def _joined(name: str, width: int, cells: Sequence[str]) -> str:
    return GAP.join((f"{' ' * INDENT}{name}{' ' * (width - columns(name))}", *cells)).rstrip()


def _within(text: str) -> list[str]:
    return [f"{' ' * INDENT}{item}" for item in folded(text, WIDTH - INDENT)] if text else []
