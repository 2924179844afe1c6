"""`index.html`: every run of a folder at a glance. A table of contents, no evidence: that is what `gate verify` is for."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.model import Verdict
from gate.report import page
from gate.report.chart import trend
from gate.report.clean import line
from gate.report.html_measured import number

INDEX, TEMPLATE = "index.html", "index.html.j2"
NAME = re.compile(r"(\d{8}T\d{6}Z)(\.partial)?")
RESULT, JOURNAL, REPORT = "data/result.json", "data/journal.jsonl", "data/report.html"
LARGEST, FIRST_LINE = 64 * 1024 * 1024, 1024 * 1024  # bytes that are read of a result, and of a journal's beginning
SHOWN, BUDGET, ROW, ENVIRONMENTS = 2000, 1_500_000, 400, 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder of the list.

    `path` leads to it from the page, `name` is its time stamp. `verdict` is None for a run without one, and for what cannot be read:
    `problem` then says why. `seconds` is the recall drill's time, `limit` what it had to stay under. `report` says whether it has a page.
    """

    path: str
    name: str
    verdict: Verdict | None = None
    problem: str = ""
    interrupted: bool = False
    environment: str = ""
    base_url: str = ""
    started_at: str = ""
    blocking: int = 0
    findings: int = 0
    waived: int = 0
    seconds: float | None = None
    limit: float | None = None
    report: bool = False

    @property
    def word(self) -> str:
        """The verdict, or why there is none."""
        if self.verdict:
            return self.verdict.value
        return "INTERRUPTED" if self.interrupted else "UNREADABLE" if NAME.fullmatch(self.name) else "NO BUNDLE"


def collect(folder: Path) -> list[Entry]:
    """Every run in the folder and in its sub-folders (`reports/` holds one for each environment), the newest first.

    What is named like a bundle and cannot be read, and a folder that is none, are entries with a `problem`. Nothing is followed or left out
    but files and names that begin with a dot.
    """
    found: list[Entry] = []
    for path in _folders(folder):
        inner = [] if NAME.fullmatch(path.name) or path.is_symlink() else [item for item in _folders(path) if NAME.fullmatch(item.name)]
        found += [_entry(item, f"{path.name}/{item.name}") for item in inner] or [_entry(path, path.name)]
    return sorted(found, key=lambda item: (NAME.fullmatch(item.name) is not None, item.name, item.path), reverse=True)


def render_index(entries: Sequence[Entry]) -> str:
    """The page, for entries with the newest first."""
    rows = list(page.within(map(_row, entries[:SHOWN]), lambda row: page.size(row) + ROW, BUDGET))
    newest = next((_row(item) for item in entries if item.verdict or item.interrupted), None)
    return page.render(TEMPLATE, rows=rows, newest=newest, count=len(entries), trends=_trends(entries))


def _trends(entries: Sequence[Entry]) -> list[tuple[str, dict[str, Any]]]:
    """One for each environment that has enough runs, in the order of their newest."""
    names = list(dict.fromkeys(item.environment for item in entries if item.verdict))[:ENVIRONMENTS]
    drawn = ((name, trend([item for item in reversed(entries) if item.environment == name])) for name in names)
    return [(line(name, 60), picture) for name, picture in drawn if picture]


def _folders(folder: Path) -> list[Path]:
    """What is a folder or pretends to be one, in the order of names."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path.is_symlink() or path.is_dir()))
    except OSError:
        return []


def _entry(path: Path, shown: str) -> Entry:
    name = NAME.fullmatch(path.name)
    if path.is_symlink():
        return Entry(shown, path.name, problem="a link, which is not followed")
    if name is None:
        return Entry(shown, path.name, problem="its name is no time stamp")
    read = _read_journal if name[2] else _read_result
    try:
        known = read(path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        return Entry(shown, path.name, problem=_why(path, error))
    return Entry(shown, path.name, report=not name[2] and (path / REPORT).is_file(), **known)


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(error.filename or path).name}: {error.strerror or 'cannot be read'}"
    return f"no result that this gate has written ({type(error).__name__})"


def _read_result(path: Path) -> dict[str, Any]:
    """What a published bundle says of itself."""
    told = _object(_bytes(path / RESULT, LARGEST))
    findings = [item for item in _list(told["findings"]) if isinstance(item, dict)]
    facts = told["facts"].get("recall_drill") if isinstance(told["facts"], dict) else None
    drill = facts if isinstance(facts, dict) else {}
    return {
        "verdict": Verdict(told["verdict"]) if told["verdict"] is not None else None,
        "interrupted": told["verdict"] is None,
        **{key: _text(told[key]) for key in ("environment", "base_url", "started_at")},
        "findings": len(findings),
        "blocking": sum(item.get("blocks") is True for item in findings),
        "waived": sum(item.get("waived") is True for item in findings),
        "seconds": number(drill.get("trace_seconds")),
        "limit": number(drill.get("limit_seconds")),
    }


def _read_journal(path: Path) -> dict[str, Any]:
    """What is known of a run that was not published: how it began."""
    with _plain(path / JOURNAL).open("rb") as handle:
        told = _object(handle.readline(FIRST_LINE))
    if told["event"] != "run.started":
        raise ValueError("no beginning of a run")
    known = {key: _text(told["data"][key]) for key in ("environment", "base_url")}
    return {"interrupted": True, "started_at": _text(told["at"]), **known}


def _bytes(path: Path, most: int) -> bytes:
    with _plain(path).open("rb") as handle:
        content = handle.read(most + 1)
    if len(content) > most:
        raise ValueError("too large")
    return content


def _plain(path: Path) -> Path:
    """The path of an ordinary file: a pipe would never end, a link may lead anywhere."""
    if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("no ordinary file")
    return path


def _object(content: bytes) -> dict[str, Any]:
    told = json.loads(content)
    if not isinstance(told, dict):
        raise TypeError("no object")
    return told


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


KINDS = {Verdict.GO: "good", Verdict.NO_GO: "bad", Verdict.INCONCLUSIVE: "open"}


def _row(entry: Entry) -> dict[str, Any]:
    name = NAME.fullmatch(entry.name)
    safe = entry.report and name is not None and name[2] is None and re.fullmatch(r"(?:[A-Za-z0-9][\w.-]*/)?[\dTZ]+", entry.path, re.ASCII)
    return {
        "word": entry.word,
        "kind": KINDS[entry.verdict] if entry.verdict else "bad" if entry.word == "UNREADABLE" else "open",
        "link": f"{entry.path}/{REPORT}" if safe else "",
        "path": line(entry.path, 120),
        "at": f"{line(entry.started_at[:10], 10)} {line(entry.started_at[11:19], 8)}" if entry.started_at else "",
        "environment": line(entry.environment, 60),
        "base_url": line(entry.base_url, 120),
        "problem": line(entry.problem, 200) or ("no verdict: interrupted, or still going on" if entry.interrupted else ""),
        "blocking": entry.blocking,
        "findings": entry.findings,
        "waived": entry.waived,
        "recall": f"{entry.seconds:.3f} s" if entry.seconds is not None else "-",
    }
