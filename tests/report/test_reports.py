"""What each report promises to its readers."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator, ValidationError

from gate.evidence import legacy_names
from gate.model import Outcome, Result, RunRecord
from gate.paths import data_root
from gate.report import acceptance, junit, report_paths, result, security, text

CASES = ("go", "no-go", "inconclusive", "interrupted")
WORDS = {"go": "PASS", "no-go": "FAIL", "inconclusive": "INCONCLUSIVE", "interrupted": "INCONCLUSIVE"}


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    loaded = json.loads((data_root() / "fixtures/schemas/result.schema.json").read_text())
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded)


@pytest.mark.parametrize("case", CASES)
def test_result_json_fits_its_schema(case: str, runs: dict[str, RunRecord], schema: Draft202012Validator) -> None:
    schema.validate(json.loads(result.render(runs[case])))


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "MAYBE"},
        {"exit_status": 0},
        {"extra": 1},
        {"interrupted": "yet it says NO-GO"},
        {"verdict": None},
        {"lines": {"security_regression": "PASS", "go_live_acceptance": "PASS", "release_gate": "PASS"}},
        {"controls": {"AUTH-001": "skipped"}},
        {"journal_head": "sha256:0"},
    ],
)
def test_the_schema_refuses_contradictions(change: dict[str, object], runs: dict[str, RunRecord], schema: Draft202012Validator) -> None:
    document = {**json.loads(result.render(runs["no-go"])), **change}
    with pytest.raises(ValidationError):
        schema.validate(document)


@pytest.mark.parametrize("case", CASES)
def test_the_last_lines_are_the_contract(case: str, runs: dict[str, RunRecord]) -> None:
    last = text.render(runs[case]).splitlines()[-3:]
    assert [line.split(": ")[0] for line in last] == ["Security regression", "Go-live acceptance", "Release gate"]
    assert last[2] == f"Release gate: {WORDS[case]}"
    assert security.render(runs[case]).splitlines()[-1] == last[0]


@pytest.mark.parametrize("case", CASES)
def test_text_is_80_columns_wide(case: str, runs: dict[str, RunRecord]) -> None:
    assert max(map(len, text.render(runs[case]).splitlines())) == 80


def test_an_interrupted_run_passes_nowhere(runs: dict[str, RunRecord]) -> None:
    """Even if every control had passed before the run was killed."""
    record = runs["interrupted"]
    record = replace(record, results={item.id: Result(item.id, Outcome.PASSED, measured=1) for item in record.controls})
    for report in (text, security):
        assert ": PASS" not in report.render(record)
    assert json.loads(acceptance.render(record))["summary"]["failed"] == 1
    assert json.loads(result.render(record))["verdict"] is None
    root = ET.fromstring(junit.render(record))  # noqa: S314 - written by the code under test
    assert root.get("errors") == "1"


def test_an_acceptance_that_measured_nothing_counts_as_failed(runs: dict[str, RunRecord]) -> None:
    record = runs["inconclusive"]
    assert record.decision is not None
    document = json.loads(acceptance.render(replace(record, controls=(), results={})))
    assert document["summary"] == {"total": 1, "passed": 0, "failed": 1, "not_applicable": 0}


def test_acceptance_keeps_the_shape_that_consumers_read(runs: dict[str, RunRecord]) -> None:
    document = json.loads(acceptance.render(runs["inconclusive"]))
    assert set(document["context"]) >= {"generated_at", "base_url", "batch_code", "pack_id"}
    assert set(document["summary"]) >= {"total", "passed", "failed"}
    by_name = {item["control"]: item for item in document["results"]}
    assert set(by_name) == {"PRE-001", "RECALL-001", "AUDIT-001", "AUTO-001", "ERR-001"}
    assert by_name["RECALL-001"] | {"detail": ""} == {
        "name": "RECALL-001 The recall drill is done in time",
        "ok": True,
        "status_code": 200,
        "detail": "",
        "control": "RECALL-001",
        "outcome": "passed",
        "waived": False,
    }
    assert by_name["ERR-001"]["status_code"] is None
    assert by_name["ERR-001"]["detail"]


def test_junit_calls_what_did_not_run_an_error(runs: dict[str, RunRecord]) -> None:
    root = ET.fromstring(junit.render(runs["interrupted"]))  # noqa: S314 - written by the code under test
    cases = {str(case.get("name")).split()[0]: [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {
        "PRE-001": [],
        "AUTH-001": [],
        "AUTH-012": ["failure"],
        "RECALL-001": [],
        "AUDIT-001": ["error"],
        "AUTO-001": ["skipped"],
        "ERR-001": ["error"],
        "Release": ["error"],
    }


def test_junit_counts_add_up(runs: dict[str, RunRecord]) -> None:
    for record in runs.values():
        root = ET.fromstring(junit.render(record))  # noqa: S314 - written by the code under test
        for key, path in (
            ("tests", "testcase"),
            ("failures", "testcase/failure"),
            ("errors", "testcase/error"),
            ("skipped", "testcase/skipped"),
        ):
            assert int(str(root.get(key))) == len(root.findall(f".//{path}")) == sum(int(str(suite.get(key))) for suite in root)


def test_a_planned_control_without_outcome_is_not_run_everywhere(runs: dict[str, RunRecord]) -> None:
    record = runs["interrupted"]
    assert json.loads(result.render(record))["controls"]["AUDIT-001"] == "not_run"
    assert "not run: 2      AUDIT-001, ERR-001" in text.render(record)


def test_evidence_and_report_agree_on_the_three_names() -> None:
    assert legacy_names("X") == tuple(report_paths("X").values())
