"""What GitHub Actions is told: the step summary, the annotations, and that no report is obeyed as a command."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gate.cli.github import announce, for_log
from gate.model import Outcome, Result, RunRecord, Severity
from gate.report import github, text

ON = {"GITHUB_ACTIONS": "true"}
TOLD = {
    "go": "GO",
    "no-go": "NO-GO",
    "inconclusive": "INCONCLUSIVE",
    "interrupted": "none (interrupted)",
    "waived": "GO",
    "waiver-expired": "NO-GO",
}
COMMAND = re.compile(r"::(error|warning|notice) title=([^,:\r\n]*)::([^\r\n]*)")


@pytest.mark.parametrize("case", TOLD)
def test_the_summary_begins_with_the_verdict(case: str, runs: dict[str, RunRecord]) -> None:
    assert github.render(runs[case]).startswith(f"## Release gate: {TOLD[case]}\n")


def test_the_summary_of_an_interrupted_run_passes_nothing(runs: dict[str, RunRecord]) -> None:
    summary = github.render(runs["interrupted"])
    assert "**This run was interrupted and proves nothing:** SIGINT" in summary
    assert ": PASS" not in summary
    assert summary.count("| not decided |") == 5


def test_the_summary_tells_waivers_before_and_after(runs: dict[str, RunRecord]) -> None:
    assert "### Waivers: 1 (NO-GO before waivers, GO with them)" in github.render(runs["waived"])
    assert "failed, waived until 2026-03-03" in github.render(runs["waived"])


def crowd(record: RunRecord, count: int) -> RunRecord:
    """A run of that many failed controls, all of which block; the last one is the gravest."""
    model = record.controls[1]
    controls = [replace(model, id=f"MANY-{number}", severity=Severity.MEDIUM) for number in range(count)]
    controls[-1] = replace(controls[-1], severity=Severity.CRITICAL)
    results = {control.id: Result(control.id, Outcome.FAILED, "x" * 400, measured=1) for control in controls}
    assert record.decision is not None
    decision = replace(record.decision, blocking=tuple(results))
    return replace(record, controls=tuple(controls), results=results, decision=decision)


def test_a_summary_stays_far_below_a_mebibyte_and_says_what_it_leaves_out(runs: dict[str, RunRecord]) -> None:
    summary = github.render(crowd(runs["no-go"], 5000))
    assert len(summary.encode()) < 200_000
    assert "### Stands in the way: 5000" in summary
    assert "| and 4950 more | | | | |" in summary


def test_the_gravest_findings_are_annotated_and_no_more_than_github_shows(runs: dict[str, RunRecord]) -> None:
    told = github.commands(crowd(runs["no-go"], 5000))
    assert len(told) == 10
    assert told[0] == "::error title=Release gate::NO-GO; 5000 in the way"
    assert told[1].startswith("::error title=MANY-4999 ")


def test_annotations_by_what_a_finding_means(runs: dict[str, RunRecord]) -> None:
    kinds = {case: [re.findall(r"^::(\w+) title=(\S+)", told)[0] for told in github.commands(runs[case])] for case in TOLD}
    assert kinds["go"] == [("notice", "Release"), ("warning", "AUTH-012")]
    assert kinds["no-go"] == [("error", "Release"), ("error", "AUTH-001"), ("warning", "AUTH-012")]
    assert kinds["waived"] == [("notice", "Release"), ("notice", "ERR-001"), ("warning", "AUTH-012")]
    assert kinds["waiver-expired"][:2] == [("error", "Release"), ("error", "Waiver::the")]
    assert {kind for kind, _ in kinds["interrupted"]} == {"error"}


HOSTILE = (
    "a\n::error::b",
    "a\r\n::add-mask::b",
    "50% %0A::warning::x",
    "title,file=/etc/passwd::x",
    "##[add-mask]x",
    "\u2028::error::x",
    "]]>|<b>",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_an_annotation_is_one_command_of_ours(words: str, hostile: Callable[..., RunRecord]) -> None:
    for told in github.commands(hostile(words)):
        assert COMMAND.fullmatch(told), told
        assert "##[" not in told
        title = COMMAND.fullmatch(told).group(2)  # type: ignore[union-attr]
        assert "," not in title
        assert re.search(r"%(?!25|0A|0D|3A|2C)", told) is None


def test_a_percent_sign_comes_out_as_it_went_in(runs: dict[str, RunRecord]) -> None:
    record = runs["no-go"]
    told = github.commands(
        replace(record, results={**record.results, "AUTH-001": Result("AUTH-001", Outcome.FAILED, "50%, %0A", measured=1)})
    )
    assert "failed: 50%25, %250A." in told[1]


@pytest.mark.parametrize(
    "words", ["::error::x", "   ::stop-commands::x", "\t::add-mask::a", ":::error::x", "a ##[add-mask]x", "###[error]x"]
)
def test_no_line_of_a_printed_report_is_a_command(words: str) -> None:
    printed = for_log(f"first\n{words}\nRelease gate: PASS\n", ON)
    assert "##[" not in printed
    assert not any(line.lstrip().startswith("::") for line in printed.splitlines())
    assert printed.endswith("\nRelease gate: PASS\n")


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_report_is_printed_without_commands(words: str, hostile: Callable[..., RunRecord]) -> None:
    printed = for_log(text.render(hostile(words)), ON)
    assert "##[" not in printed
    assert not any(line.lstrip().startswith("::") for line in printed.splitlines())


def test_elsewhere_a_report_is_printed_as_it_is() -> None:
    assert for_log("::error::x", {}) == "::error::x"
    assert for_log("::error::x", {"GITHUB_ACTIONS": "false"}) == "::error::x"


def test_the_summary_is_appended_and_the_annotations_go_to_standard_error(
    runs: dict[str, RunRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    announce(runs["no-go"], {**ON, "GITHUB_STEP_SUMMARY": str(path)})
    assert path.read_text() == f"before\n{github.render(runs['no-go'])}\n"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == github.commands(runs["no-go"])


@pytest.mark.parametrize("name", ["", "missing/summary.md", "\x00"])
def test_a_summary_that_cannot_be_written_is_one_sentence(
    name: str, runs: dict[str, RunRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(runs["go"], {"GITHUB_STEP_SUMMARY": f"{tmp_path}/{name}"})
    assert re.fullmatch(r"gate: the step summary could not be written to GITHUB_STEP_SUMMARY \(\w+\)\.\n", capsys.readouterr().err)


def test_nothing_is_told_elsewhere(runs: dict[str, RunRecord], capsys: pytest.CaptureFixture[str]) -> None:
    announce(runs["no-go"], {})
    assert capsys.readouterr() == ("", "")
