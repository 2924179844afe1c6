"""`gate waive`, from a bundle on the disk; and what reports tell of a waiver."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gate.cli.waive import command
from gate.decide.verdict import Policy, decide
from gate.errors import ConfigurationError, EvidenceError
from gate.model import Control, RunRecord, Waiver
from gate.report import render_all
from gate.report.view import waivers
from gate.target.waivers import load_waivers

FINGERPRINT = "0123456789abcdef"
EVERYTHING = (
    "--reason", 'The job fails\nwhile "its" table is migrated.\x7f', "--risk", "Dashboards lack a day.", "--requester", "Ada",
    "--approver", "Grace", "--ticket", "OPS-42", "--from", "2026-03-01", "--until", "2026-05-30",
)  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path, write_changed: Callable[..., RunRecord]) -> Path:
    """A bundle in which ERR-001 failed, and so did AUTH-012, in a way around a protection."""
    folder = tmp_path / "20260228T100833Z"
    (folder / "data").mkdir(parents=True)

    def change(event: str, data: dict[str, Any]) -> dict[str, Any]:
        if event == "plan":
            data = {**data, "terms": replace(data["terms"], waivers=())}
            kept: list[Control] = [replace(item, waivable=False) if item.id == "PRE-001" else item for item in data["controls"]]
            return {**data, "controls": kept}
        if event == "outcome" and data["control"] == "ERR-001":
            return {**data, "fingerprint": FINGERPRINT, "seen": "HTTP 500\n[[waiver]]\x1b[31m"}
        return data

    write_changed(folder / "data" / "journal.jsonl", "waived", change)
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(item) for item in arguments], catch_exceptions=False, standalone_mode=False)


def test_a_whole_waiver_can_be_loaded(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(run(bundle, "ERR-001", *EVERYTHING).stdout)
    reason = 'The job fails while "its" table is migrated.'
    assert load_waivers(path) == (
        Waiver("ERR-001", FINGERPRINT, reason, "Dashboards lack a day.", "Ada", "Grace", "OPS-42", "2026-03-01", "2026-05-30"),
    )


OPTIONS = dict(zip(EVERYTHING[::2], EVERYTHING[1::2], strict=True))


@pytest.mark.parametrize("missing", [*OPTIONS, None])
def test_a_draft_with_anything_open_is_refused(bundle: Path, tmp_path: Path, missing: str | None) -> None:
    """One option left out, or all."""
    given = [part for name, value in OPTIONS.items() if name != missing and missing for part in (name, value)]
    path = tmp_path / "waivers.toml"
    path.write_text(run(bundle, "ERR-001", *given).stdout)
    assert f'fingerprint = "{FINGERPRINT}"' in path.read_text()
    assert path.read_text().splitlines().count("[[waiver]]") == 1
    with pytest.raises(ConfigurationError, match=r"is missing in waiver\.0"):
        load_waivers(path)


def test_it_is_appended(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    run(bundle, "ERR-001", *EVERYTHING, "--output", path)
    path.write_text(path.read_text().replace(FINGERPRINT, "f" * 16).rstrip("\n"))
    run(bundle, "ERR-001", *EVERYTHING, "-o", path)
    assert [item.fingerprint for item in load_waivers(path)] == ["f" * 16, FINGERPRINT]
    with pytest.raises(ConfigurationError, match="has a waiver of this finding already"):
        run(bundle, "ERR-001", *EVERYTHING, "-o", path)
    with pytest.raises(ConfigurationError, match="cannot be appended to"):
        run(bundle, "ERR-001", *EVERYTHING, "-o", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ERR-099"], r"no control 'ERR-099'.*Did you mean 'ERR-001'\?"),
        (["RECALL-001"], r"RECALL-001 cannot be waived: a recall control is never waived"),
        (["PRE-001"], r"PRE-001 is a control that is never waived"),
        (["AUTH-012"], r"AUTH-012 cannot be waived: a way around a protection is never waived"),
        (["AUTH-001"], r"AUTH-001 cannot be waived: its outcome is passed"),
        (["ERR-001", "--reason", " "], r"--reason says nothing"),
        (["ERR-001", "--requester", "Ada Lovelace", "--approver", "lovelace, ADA"], r"two people"),
        (["ERR-001", "--from", "tomorrow"], r"--from is 'tomorrow'; expected a day"),
        (["ERR-001", "--from", "2026-03-01", "--until", "2026-05-31"], r"run for 91 days; expected 0 to 90"),
        (["ERR-001", "--from", "2026-03-01", "--until", "2026-02-28"], r"run for -1 days"),
    ],
)
def test_what_cannot_be_waived_is_refused_in_one_sentence(bundle: Path, arguments: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as error:
        run(bundle, *arguments)
    assert error.value.exit_status == 2


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="journal"):
        run(tmp_path, "ERR-001")


def with_waiver(record: RunRecord, **changes: Any) -> RunRecord:
    """The same run with another first waiver, or another state of it."""
    assert record.decision is not None
    assert record.terms is not None
    said, became = {**changes}, {key: changes[key] for key in ("days_left", "state", "problem") if key in changes}
    waiver = replace(record.terms.waivers[0], **{key: value for key, value in said.items() if key not in became})
    terms = replace(record.terms, waivers=(waiver, *record.terms.waivers[1:]))
    states = (replace(record.decision.waivers[0], **became), *record.decision.waivers[1:])
    return replace(record, terms=terms, decision=replace(record.decision, waivers=states))


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (40, "2026-03-03 (40 days left)"),
        (15, "2026-03-03 (15 days left)"),
        (14, "2026-03-03 (14 days left, ends soon)"),
        (8, "2026-03-03 (8 days left, ends soon)"),
        (7, "2026-03-03 (7 days left, ENDS WITHIN A WEEK)"),
        (2, "2026-03-03 (2 days left, ENDS WITHIN A WEEK)"),
        (1, "2026-03-03 (1 day left, ENDS NOW)"),
        (0, "2026-03-03 (today, ENDS NOW)"),
    ],
)
def test_every_report_counts_the_days(runs: dict[str, RunRecord], left: int, told: str) -> None:
    """And tells who answers for it and why, and the verdict before and after."""
    record = with_waiver(runs["waived"], days_left=left)
    for name, text in reports(record).items():
        flat = " ".join(text.split())
        assert told in flat, name
        for word in ("The KPI job fails while its table is migrated.", "Grace Hopper", "OPS-42", "NO-GO"):
            assert word in flat, (name, word)


def test_every_report_names_the_problems(runs: dict[str, RunRecord]) -> None:
    for name, text in reports(runs["waiver-expired"]).items():
        flat = " ".join(text.split())
        assert "it ended on 2026-02-27" in flat, name
        assert "the run has no control of this name" in flat, name


def test_a_waiver_changes_no_outcome_in_any_report(runs: dict[str, RunRecord]) -> None:
    files = render_all(runs["waived"])
    assert json.loads(files["result.json"])["controls"]["ERR-001"] == "failed"
    acceptance = json.loads(files["go_live_acceptance_20260228T100833Z.json"])
    assert acceptance["summary"]["failed"] == 1
    assert [(item["ok"], item["waived"]) for item in acceptance["results"] if item["control"] == "ERR-001"] == [(False, True)]
    assert acceptance["waivers"]["verdict_before"] == "NO-GO"
    assert acceptance["waivers"]["verdict_after"] == "GO"
    assert 'message="waived until 2026-03-03 (3 days left, ENDS WITHIN A WEEK): one answer was a server error"' in files["junit.xml"]


def test_waivers_of_an_interrupted_run_are_not_decided(runs: dict[str, RunRecord]) -> None:
    record = replace(runs["waived"], decision=None, finished_at=None, interruption="killed")
    assert [item.told["state"] for item in waivers(record)] == ["not decided"]
    for name, text in reports(record).items():
        assert "not decided" in text or "interrupted" in text.lower(), name
        assert "GO with them" not in text


def reports(record: RunRecord) -> dict[str, str]:
    """Those for people and pipelines, with the wrapping of JSON and Markdown taken off; not the exports in other tools' formats."""
    own = ("release_gate_", "security_regression_", "go_live_acceptance_", "result.json", "junit.xml", "signoff.md")
    files = {name: text for name, text in render_all(record).items() if name.startswith(own)}
    assert len(files) == len(own)
    return {name: text.replace("\\", "").replace("&gt;", ">").replace("&lt;", "<") for name, text in files.items()}


def test_the_decision_can_be_made_again_from_the_journal(runs: dict[str, RunRecord]) -> None:
    """With its waivers, on the day of its first line."""
    for case in ("go", "no-go", "inconclusive", "waived", "waiver-expired"):
        record, terms = runs[case], runs[case].terms
        assert terms is not None
        policy, day = Policy(record.policy, terms.contract, terms.hardening), date.fromisoformat(record.started_at[:10])
        assert decide(record.controls, record.results, policy, terms.not_applicable_criteria, terms.waivers, day) == record.decision
