"""Read a journal back as a `RunRecord`. Strict: what is not exactly what `Journal` writes is no evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import rfc8785

from gate.errors import EvidenceError
from gate.evidence.decode import Mismatch
from gate.evidence.files import told
from gate.evidence.journal import GENESIS, digest
from gate.evidence.run import Run
from gate.model import RunRecord

KEYS = {"at", "data", "event", "prev", "seq"}
AT = re.compile(r"(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII)


def replay(path: Path) -> RunRecord:
    """The run that the journal at `path` records.

    A last line without its newline is what a killed run leaves: it is dropped, and the record says that the run was interrupted.

    Raises:
        EvidenceError: it cannot be read, or it is no journal; the sentence names the line and what is wrong with it.
    """
    reader, run = _Reader(path), Run()
    for number, line in reader.lines():
        try:
            run.take(**_checked(line, number, reader.head))
        except (Mismatch, ValueError, RecursionError) as error:
            raise _broken(path, number, str(error)) from None
        reader.head = digest(line)
    if run.finished and reader.torn:
        raise _broken(path, reader.count, "the verdict is followed by something else")
    if not run.started:
        raise EvidenceError(f"{path} holds no run", "a journal that begins with run.started", "name a bundle that `gate run` has written")
    return run.record(reader.head, reader.torn_text)


@dataclass
class _Reader:
    """The file's lines, and where it stands."""

    path: Path
    head: str = GENESIS
    count: int = 0
    torn: bool = field(default=False)

    @property
    def torn_text(self) -> str:
        return f"the journal ends in the middle of line {self.count + 1}: the run was killed while it wrote" if self.torn else ""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        with told("read", self.path), self.path.open("rb") as handle:
            for number, line in enumerate(handle):
                if not line.endswith(b"\n"):
                    self.torn = True
                    return
                yield number, line[:-1]
                self.count = number + 1


def _checked(line: bytes, number: int, head: str) -> dict[str, Any]:
    """The event on a line that carries the right number, continues the chain and is canonical."""
    entry = json.loads(line, object_pairs_hook=_distinct, parse_constant=_no_constant)
    if not isinstance(entry, dict) or set(entry) != KEYS:
        raise Mismatch(f"a line has exactly the keys {', '.join(sorted(KEYS))}")
    if type(entry["seq"]) is not int or entry["seq"] != number:
        raise Mismatch(f"seq is {entry['seq']!r:.40}, not {number}: a line was removed, added or moved")
    if entry["prev"] != head:
        raise Mismatch("prev is not the digest of the line before: that line or this one was changed")
    if rfc8785.dumps(entry) != line:
        raise Mismatch("the line is not canonical JSON (RFC 8785)")
    if not _is_time(entry["at"]):
        raise Mismatch("at is no UTC time with milliseconds")
    if not isinstance(entry["event"], str) or not isinstance(entry["data"], dict):
        raise Mismatch("event must be text and data an object")
    return {"event": entry["event"], "at": entry["at"], "data": entry["data"]}


def _is_time(stamp: object) -> bool:
    found = AT.fullmatch(stamp) if isinstance(stamp, str) else None
    with suppress(ValueError):
        return found is not None and date.fromisoformat(found[1]) is not None
    return False


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Mismatch("a key stands twice in one object")
    return result


def _no_constant(name: str) -> NoReturn:
    raise Mismatch(f"{name} is not JSON")


def _broken(path: Path, number: int, why: str) -> EvidenceError:
    return EvidenceError(
        f"line {number + 1} of {path} is broken: {why}", "an unchanged journal", "treat this bundle as no evidence and run the gate again"
    )
