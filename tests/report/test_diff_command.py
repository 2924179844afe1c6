"""`gate diff`, from bundles on the disk."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate.cli import main as edge
from gate.evidence import Bundle
from gate.model import RunRecord
from gate.report import render_all

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_case: Callable[..., RunRecord]) -> Make:
    """A bundle of that case under reports/staging of a fresh current folder."""
    monkeypatch.chdir(tmp_path)

    def do(case: str, run_id: str) -> Path:
        bundle = Bundle(Path("reports/staging"))
        record = write_case(bundle.journal, case, run_id)
        return bundle.folder if case == "interrupted" else bundle.publish(render_all(replace(record, bundle=bundle.ts)))

    return do


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Status, standard output and standard error of `gate diff` with these arguments."""

    def do(*arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as leaving:
            edge.main(["diff", *map(str, arguments)], prog_name="gate")
        return leaving.value.code, *capsys.readouterr()

    return do


Run = Callable[..., tuple[object, str, str]]


def test_it_reports_and_ends_with_0(make: Make, run: Run) -> None:
    status, out, err = run(make("go", "r1"), make("no-go", "r2"))
    assert (status, err) == (0, "")
    assert out.splitlines()[1] == "Changes between two runs: GO to NO-GO"
    assert "NEWLY FAILING: 1" in out


@pytest.mark.parametrize(("old", "new", "status"), [("go", "no-go", 10), ("no-go", "go", 0), ("go", "interrupted", 10), ("go", "go", 0)])
def test_fail_on_regression(old: str, new: str, status: int, make: Make, run: Run) -> None:
    assert run(make(old, "r1"), make(new, "r2"), "--fail-on-regression")[0] == status


def test_the_page_goes_to_a_file(make: Make, run: Run) -> None:
    old, new = make("go", "r1"), make("no-go", "r2")
    assert run(old, new, "--format", "json", "--output", "d.json") == (0, "", "")
    assert json.loads(Path("d.json").read_text())["regression"] is True
    assert run(old, new, "-f", "html", "-o", "d.html", "--fail-on-regression") == (10, "", "")
    assert Path("d.html").read_text().startswith("<!doctype html>")


def test_an_interrupted_run_is_compared_and_shown(make: Make, run: Run) -> None:
    status, out, _ = run(make("go", "r1"), make("interrupted", "r2"))
    assert status == 0
    assert "WARNING: The new run was interrupted and has no verdict: SIGINT" in out


def broken(folder: Path, damage: str) -> Path:
    journal = folder / "data/journal.jsonl"
    match damage:
        case "gone":
            return folder.with_name("nowhere")
        case "a file":
            return journal
        case "empty":
            journal.chmod(0o600)
            journal.write_bytes(b"")
        case "changed":
            journal.chmod(0o600)
            journal.write_bytes(journal.read_bytes().replace(b"passed", b"failed", 1))
        case "no text":
            journal.chmod(0o600)
            journal.write_bytes(b"\xff\xfe\n")
    return folder


@pytest.mark.parametrize("damage", ["gone", "a file", "empty", "changed", "no text"])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_no_evidence_is_one_sentence(side: int, damage: str, make: Make, run: Run) -> None:
    sides = [make("go", "r1"), make("no-go", "r2")]
    sides[side] = broken(sides[side], damage)
    status, out, err = run(*sides, "--fail-on-regression")
    assert (status, out) == (1, "")
    assert err.startswith("gate: ")
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_one_sentence(make: Make, run: Run) -> None:
    status, out, err = run(make("go", "r1"), make("go", "r2"), "-o", "missing/d.txt")
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "two", "three"], ["one", "two", "--format", "pdf"]])
def test_wrong_arguments_are_a_usage_error(arguments: list[str], run: Run) -> None:
    assert run(*arguments)[0] == 2
