"""`gate report`: from the journal, the same bytes that the bundle holds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gate.cli import main as edge
from gate.evidence import Bundle
from gate.model import RunRecord
from gate.report import render_all
from gate.report.all import FORMATS

FILES = {
    "text": "release_gate_{ts}.txt", "security": "security_regression_{ts}.txt", "acceptance": "go_live_acceptance_{ts}.json",
    "result": "result.json", "junit": "junit.xml", "ctrf": "ctrf.json", "sarif": "findings.sarif", "gitlab": "gl-code-quality.json",
    "oscal": "oscal.json", "signoff": "signoff.md", "html": "report.html",
}  # fmt: skip
Make = Callable[[str], Path]
Run = Callable[..., tuple[object, bytes, str]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_changed: Callable[..., RunRecord]) -> Make:
    """A bundle of that case in a fresh current folder."""
    monkeypatch.chdir(tmp_path)

    def do(case: str) -> Path:
        bundle = Bundle(Path("reports/staging"))
        own = {"bundle": bundle.ts}
        record = write_changed(bundle.journal, case, lambda event, data: {**data, **own} if event == "run.started" else data)
        return bundle.folder if case == "interrupted" else bundle.publish(render_all(record))

    return do


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Status, standard output and standard error of `gate report` with these arguments."""

    def do(*arguments: object) -> tuple[object, bytes, str]:
        with pytest.raises(SystemExit) as leaving:
            edge.main(["report", *map(str, arguments)], prog_name="gate")
        out, err = capfdbinary.readouterr()
        return leaving.value.code, out, err.decode()

    return do


@pytest.mark.parametrize("case", ["go", "no-go", "inconclusive", "waived"])
def test_the_same_bytes_in_every_format(case: str, make: Make, run: Run) -> None:
    bundle = make(case)
    assert set(FORMATS) == {*FILES, "github"}
    for form, name in FILES.items():
        held = (bundle / "data" / name.format(ts=bundle.name)).read_bytes()
        assert run(bundle, "--format", form) == (0, held, "")
        assert run(bundle, "-f", form, "-o", "out") == (0, b"", "")
        assert Path("out").read_bytes() == held
    assert run(bundle)[1] == run(bundle, "--format", "text")[1]


@pytest.mark.parametrize("form", FORMATS)
def test_an_interrupted_run_is_said_to_be_one_and_passes_nowhere(form: str, make: Make, run: Run) -> None:
    status, out, err = run(make("interrupted"), "--format", form)
    assert status == 0
    assert err == "gate: this run was interrupted, its report is no result: SIGINT\n"
    assert b"PASS" not in out
    assert b"interrupted" in out.lower() or form in ("security", "gitlab")


def broken(folder: Path, damage: str) -> Path:
    journal = folder / "data/journal.jsonl"
    if damage == "gone":
        return folder.with_name("nowhere")
    if damage == "a file":
        return journal
    journal.chmod(0o600)
    content = journal.read_bytes()
    journal.write_bytes({"empty": b"", "changed": content.replace(b"passed", b"failed", 1), "no text": b"\xff\xfe\n"}[damage])
    return folder


@pytest.mark.parametrize("damage", ["gone", "a file", "empty", "changed", "no text"])
def test_what_is_no_evidence_is_one_sentence(damage: str, make: Make, run: Run) -> None:
    status, out, err = run(broken(make("go"), damage))
    assert (status, out, len(err.splitlines())) == (1, b"", 1)


def test_a_file_that_cannot_be_written_is_one_sentence(make: Make, run: Run) -> None:
    status, out, err = run(make("go"), "-o", "missing/r.html", "-f", "html")
    assert (status, out, len(err.splitlines())) == (1, b"", 1)


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["one", "--format", "pdf"]])
def test_wrong_arguments_are_a_usage_error(arguments: list[str], run: Run) -> None:
    assert run(*arguments)[0] == 2
