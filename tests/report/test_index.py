"""`index.html`: every run is listed, what cannot be read is listed as that, and no folder leads anywhere else."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.cli import main as edge
from gate.model import RunRecord, Verdict
from gate.report import render_all
from gate.report.index import Entry, collect, render_index

TS = "20260228T100833Z"


@pytest.fixture
def folder(tmp_path: Path, runs: dict[str, RunRecord], write_case: Callable[..., RunRecord]) -> Path:
    """`reports/` with two environments and one run that was interrupted."""
    for place, case in {f"prod/{TS}": "go", "staging/20260227T100833Z": "no-go", "staging/20260226T100833Z": "waived"}.items():
        data = tmp_path / place / "data"
        data.mkdir(parents=True)
        record = replace(runs[case], environment=place.split("/")[0])
        for name, text in render_all(record).items():
            (data / name).write_bytes(text.encode())
    partial = tmp_path / "staging/20260301T100833Z.partial/data"
    partial.mkdir(parents=True)
    write_case(partial / "journal.jsonl", "interrupted", "r9")
    return tmp_path


def test_all_runs_of_all_environments_the_newest_first(folder: Path) -> None:
    found = collect(folder)
    assert [(item.path, item.word) for item in found] == [
        ("staging/20260301T100833Z.partial", "INTERRUPTED"),
        (f"prod/{TS}", "GO"),
        ("staging/20260227T100833Z", "NO-GO"),
        ("staging/20260226T100833Z", "GO"),
    ]
    go, bad, waived = found[1:]
    assert (go.environment, go.findings, go.blocking, go.seconds, go.limit, go.report) == ("prod", 1, 0, 0.668536, 10.0, True)
    assert (bad.findings, bad.blocking, waived.waived) == (2, 1, 1)
    assert [item.path for item in collect(folder / "staging")] == ["20260301T100833Z.partial", "20260227T100833Z", "20260226T100833Z"]


def changed(**values: object) -> Callable[[dict[str, object]], str]:
    return lambda told: json.dumps({**told, **values})


CONTENTS: dict[str, bytes | str | Callable[[dict[str, object]], str]] = {
    "empty": "",
    "no text": b"\xff\xfe",
    "deep": "[" * 200_000,
    "number": '{"verdict": ' + "9" * 10_000 + "}",
    "list": "[]",
    "other": '{"verdict": "GO"}',
    "verdict": changed(verdict="PASS"),
    "odd verdict": changed(verdict={}),
    "findings": changed(findings=3),
    "environment": changed(environment=None),
}
DAMAGES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "link": lambda path: path.symlink_to("/dev/zero"),
    "gone": lambda path: path,
    "no data": lambda path: shutil.rmtree(path.parent),
}


def damaged(folder: Path, how: str) -> None:
    result = folder / f"prod/{TS}/data/result.json"
    told = json.loads(result.read_text())
    if how in DAMAGES:
        result.unlink()
        DAMAGES[how](result)
        return
    content = CONTENTS[how]
    text = content(told) if callable(content) else content
    result.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("how", [*CONTENTS, *DAMAGES])
def test_what_cannot_be_read_is_listed_as_unreadable(how: str, folder: Path, parsed: Callable[[str], Any]) -> None:
    damaged(folder, how)
    found = {item.path: item for item in collect(folder)}[f"prod/{TS}"]
    assert (found.word, found.verdict) == ("UNREADABLE", None)
    assert found.problem
    page = parsed(render_index(collect(folder)))
    assert f"UNREADABLE{found.problem}prod/{TS}" in page.text.replace(" ", "") or found.problem in page.text
    assert len(collect(folder)) == 4


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"event":"plan","at":"","data":{}}\n'])
def test_a_journal_without_a_beginning_is_unreadable(content: bytes, folder: Path) -> None:
    (folder / "staging/20260301T100833Z.partial/data/journal.jsonl").write_bytes(content)
    assert collect(folder)[0].word == "UNREADABLE"


def test_what_is_no_bundle_is_listed_and_no_link_is_followed(folder: Path) -> None:
    (folder / "selftest").mkdir()
    (folder / "20260401T100833Z").symlink_to(folder / "prod" / TS)
    (folder / "others").symlink_to(folder / "prod")
    found = {item.path: item for item in collect(folder)}
    assert (found["selftest"].word, found["selftest"].problem) == ("NO BUNDLE", "its name is no time stamp")
    assert (found["20260401T100833Z"].word, found["20260401T100833Z"].problem) == ("UNREADABLE", "a link, which is not followed")
    assert found["others"].problem == "a link, which is not followed"


def test_the_page(folder: Path, parsed: Callable[[str], Any]) -> None:
    text = render_index(collect(folder))
    page = parsed(text)
    assert render_index(collect(folder)) == text
    assert page.inside["h1"] == ["INTERRUPTED"]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert sorted(map(str, links)) == sorted(
        f"{path}/data/report.html" for path in (f"prod/{TS}", "staging/20260226T100833Z", "staging/20260227T100833Z")
    )
    assert sum(tag == "svg" for tag, _ in page.tags) == 1
    assert "staging, the last 2 runs" in page.text


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202eevil", '" onclick="x', "javascript:alert(1)", "x" * 100_000, "\x1b[31m"]
)
def test_hostile_names_stay_text(text: str, parsed: Callable[[str], Any]) -> None:
    entry = Entry(text, TS, Verdict.GO, environment=text, base_url=text, started_at=text, seconds=1.0, limit=0.5, report=True)
    page = parsed(render_index([entry, replace(entry, name=text, verdict=None, problem=text), replace(entry, seconds=2.0)]))
    assert [attrs for tag, attrs in page.tags if tag == "a"] == []
    assert sum(tag == "script" for tag, _ in page.tags) == 1


def test_many_runs_stay_small_and_what_is_left_out_is_told() -> None:
    entry = Entry(f"staging/{TS}", TS, Verdict.GO, environment="staging", started_at="2026-02-28T10:08:33.000Z", seconds=1.0, report=True)
    text = render_index([entry] * 3000)
    assert len(text) < 3_000_000
    assert "1000 older ones are not shown here." in text
    assert "All runs: 3000" in text


def test_no_run_at_all(tmp_path: Path) -> None:
    assert "No run yet" in render_index(collect(tmp_path))


def gate(*arguments: object) -> object:
    with pytest.raises(SystemExit) as leaving:
        edge.main(["index", *map(str, arguments)], prog_name="gate")
    return leaving.value.code


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate(folder) == 0
    assert (folder / "index.html").read_text() == render_index(collect(folder))
    assert capsys.readouterr().err == f"{folder}/index.html: 4 runs, 1 of them unreadable or without a verdict\n"
    (folder / "index.html").unlink()
    monkeypatch.setenv("OUT_DIR", str(folder))
    assert gate() == 0
    assert (folder / "index.html").is_file()


@pytest.mark.parametrize("name", ["missing", "a-file"])
def test_what_is_no_folder_is_one_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a-file").write_text("")
    assert gate(tmp_path / name) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
