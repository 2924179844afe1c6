"""Every report of every kind of run, compared byte for byte. `GATE_UPDATE_GOLDEN=1` writes them anew: read the diff."""

import os
from pathlib import Path

import pytest

from gate.model import RunRecord
from gate.report import Release, render_all, report_paths, signoff
from gate.report.view import exit_status

GOLDEN = Path(__file__).parents[1] / "golden"
TS = "20260228T100833Z"
RELEASE = Release(("9902729",), "release-gate-pass-2026-02-23", "Ada Lovelace", None, "ada  LOVELACE")
ORIGINALS = ("verify.sh", "VERIFY.md")  # the same in every bundle
CASES = ("go", "no-go", "inconclusive", "interrupted", "waived", "waiver-expired")


def rendered(record: RunRecord) -> dict[str, str]:
    files = {name: text for name, text in render_all(record).items() if name not in ORIGINALS}
    paths = report_paths(record.bundle, record.out_dir)
    files["signoff-approvers.md"] = signoff.render([(record, paths)], RELEASE)
    return {name.replace(f"_{TS}", ""): text for name, text in files.items()}


@pytest.mark.parametrize("case", CASES)
def test_reports_are_as_before(case: str, runs: dict[str, RunRecord]) -> None:
    record = runs[case]
    files = {GOLDEN / f"{case}.{exit_status(record)}.{name}": text for name, text in rendered(record).items()}
    if os.environ.get("GATE_UPDATE_GOLDEN"):
        for path, text in files.items():
            path.write_bytes(text.encode())
    for path, text in files.items():
        assert path.read_bytes().decode() == text, path.name


def test_no_golden_file_is_left_over(runs: dict[str, RunRecord]) -> None:
    expected = {f"{case}.{exit_status(runs[case])}.{name}" for case in CASES for name in rendered(runs[case])}
    assert {path.name for path in GOLDEN.iterdir()} == expected


@pytest.mark.parametrize("case", CASES)
def test_rendering_twice_gives_the_same_bytes(case: str, runs: dict[str, RunRecord]) -> None:
    assert rendered(runs[case]) == rendered(runs[case])
