"""Waivers on whole runs under strict: a finding drafted, granted, used, and over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.evidence import replay
from tests.run.forwarder import Answer, Asked, Forwarder
from tests.run.support import ROOT, Finished, clean_environment

CONTROL = "TAP-006"
GRANTED = {
    "--reason": "The edge that sets the header is replaced next week.",
    "--risk": "Old browsers may guess a type.",
    "--requester": "Ada Lovelace",
    "--approver": "Grace Hopper",
    "--ticket": "OPS-42",
}


def without_header(_asked: Asked, answer: Answer) -> Answer:
    """One gap of hardening: X-Content-Type-Options is never sent."""
    return Answer(answer.status, [item for item in answer.headers if item[0].lower() != "x-content-type-options"], answer.body)


@pytest.fixture
def gap(reference: Any) -> Iterator[dict[str, str]]:
    """Settings of a service with that gap."""
    with Forwarder(reference.settings["BASE_URL"], without_header) as between:
        yield reference.settings | {"BASE_URL": between.base_url}


def waive(bundle: Path, path: Path, first: int, last: int, *options: str) -> subprocess.CompletedProcess[str]:
    """`gate waive`, from and until so many days after today."""
    today = datetime.now(UTC).date()
    days = ["--from", str(today + timedelta(first)), "--until", str(today + timedelta(last))]
    given = [part for pair in GRANTED.items() for part in pair]
    command = [sys.executable, "-m", "gate", "waive", str(bundle), CONTROL, *given, *days, "--output", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=clean_environment(), check=False)


def strict(gate: Any, gap: dict[str, str], folder: Path, number: int, *options: str) -> Finished:
    done: Finished = gate(gap | {"OUT_DIR": str(folder / f"run-{number}")}, "--policy", "strict", *options)
    return done


def findings(done: Finished) -> dict[str, str]:
    return {item["control"]: item["fingerprint"] for item in done.result["findings"]}


def test_a_finding_waived_and_over(gate: Any, gap: dict[str, str], tmp_path: Path) -> None:
    """NO-GO; with a waiver GO, the outcome still failed; NO-GO once it has expired; and the finding has its name in each run."""
    file, over = tmp_path / "waivers.toml", tmp_path / "over.toml"
    first = strict(gate, gap, tmp_path, 1)
    assert first.status == 10
    assert set(findings(first)) == {CONTROL, "ROLL-001"}
    assert waive(first.bundle, file, -3, 4).returncode == 0
    second = strict(gate, gap, tmp_path, 2, "--waivers", str(file))
    assert second.status == 0, second.out
    assert (second.result["before_waivers"], second.result["verdict"]) == ("NO-GO", "GO")
    assert second.controls[CONTROL] == "failed"
    assert second.controls["ROLL-001"] == "passed"
    assert findings(second) == {CONTROL: findings(first)[CONTROL]}
    ends = str(datetime.now(UTC).date() + timedelta(4))
    for text in (second.out, *(path.read_text() for path in (second.bundle / "data").glob("*_*.*") if path.suffix in (".txt", ".json"))):
        assert f"{ends} (4 days left, ENDS WITHIN A WEEK)" in " ".join(text.split())
    record = replay(second.bundle / "data" / "journal.jsonl")
    assert record.terms is not None
    assert record.terms.inputs["waivers"] is not None
    assert [item.control for item in record.terms.waivers] == [CONTROL]
    assert waive(first.bundle, over, -5, -1).returncode == 0
    third = strict(gate, gap | {"GATE_WAIVERS": str(over)}, tmp_path, 3)
    assert third.status == 10
    assert third.result["waivers"][0]["state"] == "expired"
    assert findings(third) == findings(first)


def test_a_waiver_of_nothing_blocks_a_healthy_service(gate: Any, reference: Any, tmp_path: Path) -> None:
    """The three lines say which part of it failed: only the gate itself."""
    path = tmp_path / "waivers.toml"
    path.write_text(
        f'[[waiver]]\ncontrol = "{CONTROL}"\nfingerprint = "0123456789abcdef"\nreason = "x"\nrisk = "x"\nrequester = "a"\napprover = "b"\n'
        'ticket = "T-1"\nfrom = 2026-01-01\nuntil = 2026-01-02\n'
    )
    done = gate(reference.settings, "--waivers", str(path))
    assert done.status == 10
    assert done.out.rstrip().splitlines()[-3:] == ["Security regression: PASS", "Go-live acceptance: PASS", "Release gate: FAIL"]
    assert done.criteria == {"gate": "NO-GO", "recall": "GO", "audit": "GO", "auth": "GO", "errors": "GO"}


def test_a_draft_that_is_left_open_does_not_start_a_run(gate: Any, reference: Any, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text('[[waiver]]\ncontrol = "TAP-006"\nfingerprint = "0123456789abcdef"\n# TO DO: reason = ...\n')
    done = gate(reference.settings, "--waivers", str(path))
    assert done.status == 2
    assert done.is_one_sentence()
    assert "key 'reason' is missing in waiver.0" in done.err
    assert not done.out_dir.exists()
    assert [item.name for item in tmp_path.iterdir()] == ["waivers.toml"]
