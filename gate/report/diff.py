"""The difference between two runs on one page for a change board: text, Markdown, HTML, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gate.paths import data_root
from gate.report.clean import code, columns, folded, line, markdown, tree
from gate.report.compare import Change, Comparison, Fact, Kind
from gate.report.view import verdict_text

WIDTH = 80
COLUMN = 18
TEMPLATE = "diff.html.j2"
NOTHING = "Nothing is different in any control."


def text(found: Comparison) -> str:
    """The page for a terminal, 80 columns wide."""
    lines = ["=" * WIDTH, _title(found), "=" * WIDTH]
    lines += [part for warning in found.warnings for part in folded(f"WARNING: {warning}", WIDTH)]
    lines += [part for fact in _shown(found) for part in _item(fact.name, _told(fact))]
    lines += ["", *_counts(found)]
    for kind in Kind:
        if changes := found.of(kind):
            lines += ["", f"{kind.upper()}: {len(changes)}"]
            lines += [part for change in changes for part in _change(change)]
    return "\n".join(lines) + "\n"


def to_markdown(found: Comparison) -> str:
    """The page as Markdown, for a ticket or a merge request."""
    lines = [f"# {_title(found)}", "", *(f"**WARNING: {markdown(warning)}**\n" for warning in found.warnings)]
    lines += ["| | old | new | |", "| --- | --- | --- | --- |"]
    for fact in _shown(found):
        lines.append(f"| {markdown(fact.name)} | {code(fact.old, 120)} | {code(fact.new, 120)} | {markdown(fact.note)} |")
    lines += ["", *map(markdown, _counts(found))]
    for kind in Kind:
        if changes := found.of(kind):
            lines += [
                "",
                f"## {kind.capitalize()}: {len(changes)}",
                "",
                "| Control | Severity | Old | New | Why |",
                "| --- | --- | --- | --- | --- |",
            ]
            lines += [_row(change) for change in changes]
    return "\n".join(lines) + "\n"


def html(found: Comparison) -> str:
    """The page as one HTML file without script or anything from outside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - slow to load, and only this format needs it

    environment = Environment(
        loader=FileSystemLoader(data_root() / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=lambda value: line(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sections = [(kind.value, found.of(kind)) for kind in Kind]
    return environment.get_template(TEMPLATE).render(
        title=_title(found), found=found, facts=_shown(found), sections=sections, counts=_counts(found)
    )


def to_json(found: Comparison) -> str:
    """The same for machines."""
    document = {
        "schema_version": "1.0",
        "regression": found.regression,
        "warnings": found.warnings,
        "old": _run(found, "old"),
        "new": _run(found, "new"),
        "facts": [
            {"name": fact.name, "old": fact.old, "new": fact.new, "changed": fact.changed, "note": fact.note} for fact in found.facts
        ],
        "changes": [
            {
                "kind": change.kind.value.replace(" ", "_"),
                "control": change.control.id,
                "title": change.control.title,
                "severity": change.control.severity,
                "old": change.old,
                "new": change.new,
                "note": change.note,
                "regression": change.regression,
            }
            for change in found.changes
        ],
    }
    return json.dumps(tree(document), indent=2) + "\n"


FORMATS: dict[str, Callable[[Comparison], str]] = {"text": text, "markdown": to_markdown, "html": html, "json": to_json}


def _title(found: Comparison) -> str:
    return f"Changes between two runs: {verdict_text(found.old)} to {verdict_text(found.new)}"


def _run(found: Comparison, side: str) -> dict[str, Any]:
    record = getattr(found, side)
    return {
        "run_id": record.run_id,
        "bundle": record.bundle,
        "started_at": record.started_at,
        "verdict": record.decision.verdict if record.decision else None,
        "journal_head": record.head,
    }


def _shown(found: Comparison) -> list[Fact]:
    """What is always looked for, and beside it what differs."""
    always = {"verdict", "recall time", "controls planned", "base URL", "environment", "profile", "policy", "suites", "started", "run"}
    return [fact for fact in found.facts if fact.changed or fact.name in always]


def _told(fact: Fact) -> str:
    if not fact.changed:
        return f"{fact.new} (both)"
    change = f"{fact.old} -> {fact.new}" if fact.old != fact.new else fact.new
    return f"{change} ({fact.note})" if fact.note else change


def _counts(found: Comparison) -> list[str]:
    """How many of each kind, and the answer in one line."""
    told = [f"{len(found.of(kind))} {kind}" for kind in Kind if found.of(kind)]
    worse = "The new run is worse than the old one." if found.regression else "Nothing that was there has been lost."
    return [f"{', '.join(told)}." if told else NOTHING, worse]


def _row(change: Change) -> str:
    name = f"{code(change.control.id, 60)} {markdown(change.control.title, 160)}"
    return f"| {name} | {change.control.severity} | {change.old} | {change.new} | {markdown(change.note)} |"


def _change(change: Change) -> list[str]:
    label = f"{change.control.severity.value}"
    lines = _item(label, f"{line(change.control.id, 60)}  {line(change.control.title, 160)}: {change.old} -> {change.new}")
    return lines + (_item("", change.note) if change.note else [])


def _item(label: str, said: str) -> list[str]:
    first = label + " " * (COLUMN - columns(label))
    parts = folded(said, WIDTH - COLUMN)
    return [f"{first if number == 0 else ' ' * COLUMN}{part}".rstrip() for number, part in enumerate(parts)]
