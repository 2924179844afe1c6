"""No secret in any file: a canary in every field of every event, in six encodings."""

import base64
import html
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gate.evidence import Bundle, Journal, replay
from gate.model import Criterion, CriterionResult, Decision, Outcome, Result, Verdict
from gate.redact import MASK, Redactor
from gate.report import render_all

CANARY = "cAn4ry/+tok=en:0123456789"
ENCODINGS = {
    "plain": CANARY,
    "base64": base64.b64encode(f"viewer:{CANARY}".encode()).decode(),
    "percent": quote(CANARY, safe=""),
    "json": json.dumps({"t": CANARY}).replace("/", "\\/"),
    "hex": CANARY.encode().hex(),
    "html": html.escape(f'"{CANARY}"').replace("+", "&#43;").replace("=", "&#x3d;"),
}
KEPT = ("bundle", "phase", "safety", "suite", "id", "control", "outcome", "state", "verdict", "criterion", "severity", "basis")


def poisoned(value: object, canary: str, key: str = "") -> Any:
    """The canary in front of every text that no contract fixes, and in a key beside."""
    if isinstance(value, str) and type(value) is str and key not in KEPT:
        return f"{canary} {value}"
    if isinstance(value, dict):
        return {name: poisoned(item, canary, name) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, canary, key) for item in value]
    return value


def fail(events: list[tuple[str, dict[str, Any]]]) -> None:
    """Every control fails, and says what it saw; the verdict is NO-GO."""
    events[1][1]["not_applicable"] = {}
    why = {"reason": "a reason", "expected": "401", "seen": "200", "measured": 1, "requests": (0, 1), "fingerprint": "f1", "kind": "k"}
    events[5:6] = [("outcome", asdict(Result(name, Outcome.FAILED, **why))) for name in ("A-1", "A-2")]  # type: ignore[arg-type]  # as named
    criteria = (CriterionResult(Criterion.AUTH, Verdict.NO_GO, ("A-1", "A-2"), ("A-1", "A-2")),)
    decision = Decision(Verdict.NO_GO, criteria, Verdict.NO_GO, Verdict.NO_GO, ("A-1", "A-2"), (), Verdict.NO_GO, (), ())
    events[-1] = ("verdict", asdict(decision) | {"exit_status": 10})


@pytest.mark.parametrize("failing", [False, True], ids=["every control passes", "every control fails"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_canary_is_in_no_file(encoding: str, failing: bool, tmp_path: Path, events: list[tuple[str, dict[str, Any]]]) -> None:  # noqa: FBT001 - a parameter
    canary = ENCODINGS[encoding]
    if failing:
        fail(events)
    events[1][1]["controls"] = [
        replace(item, title=canary, why=canary, mend=canary, references=(canary,)) for item in events[1][1]["controls"]
    ]
    events[4][1]["value"] = {canary: {canary: [canary]}, "recall_drill": canary}
    events[-2][1]["triggers"] = [replace(item, title=canary, evidence=(canary,), actions=(canary,)) for item in events[-2][1]["triggers"]]
    events.insert(5, ("fact", {"name": "recall_drill", "value": dict.fromkeys(("endpoint", "batch", "status", "at"), canary)}))
    bundle = Bundle(tmp_path / "out")
    with Journal(bundle.journal, Redactor([CANARY])) as journal:
        for event, data in events[:-1]:
            journal.append(event, poisoned(data, canary) if event in ("run.started", "observation", "fact", "outcome") else data)
        journal.append(*events[-1])
    bundle.publish(render_all(replace(replay(bundle.journal), bundle=bundle.ts)))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) >= 14
    for path in files:
        content = path.read_text()
        for form in {CANARY, CANARY[:8], CANARY[4:], canary, *ENCODINGS.values(), html.escape(CANARY), json.dumps(CANARY)[1:-1]}:
            assert form not in content, path.name
    if failing:  # it was there to be found
        for name in ("journal.jsonl", "report.html", "result.json", "findings.sarif", f"release_gate_{bundle.ts}.txt"):
            assert MASK in (tmp_path / "out" / bundle.ts / "data" / name).read_text(), name
