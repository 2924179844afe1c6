"""What the formats for other tools promise: CTRF, SARIF, GitLab code quality, OSCAL."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft4Validator, Draft7Validator
from pydantic import ValidationError
from trestle.oscal.assessment_results import AssessmentResults

from gate.model import Outcome, Result, RunRecord
from gate.report import ctrf, gitlab, oscal, sarif
from gate.report.all import FORMATS, render_all

SCHEMAS = Path(__file__).parent / "schemas"
CASES = ("go", "no-go", "inconclusive", "interrupted", "waived", "waiver-expired")
CTRF = Draft7Validator(json.loads((SCHEMAS / "ctrf-1.0.0.json").read_text()), format_checker=Draft7Validator.FORMAT_CHECKER)
SARIF = Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()), format_checker=Draft4Validator.FORMAT_CHECKER)
FILES = {"ctrf": "ctrf.json", "sarif": "findings.sarif", "gitlab": "gl-code-quality.json", "oscal": "oscal.json"}
GITLAB_SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def parsed(render: Callable[[RunRecord], str], record: RunRecord) -> Any:
    return json.loads(render(record))


def by_id(record: RunRecord) -> dict[str, dict[str, Any]]:
    return {test["name"].split(" ")[0]: test for test in parsed(ctrf.render, record)["results"]["tests"]}


@pytest.mark.parametrize("case", CASES)
def test_ctrf_fits_its_schema(case: str, runs: dict[str, RunRecord]) -> None:
    CTRF.validate(parsed(ctrf.render, runs[case]))


@pytest.mark.parametrize("case", CASES)
def test_sarif_fits_its_schema(case: str, runs: dict[str, RunRecord]) -> None:
    SARIF.validate(parsed(sarif.render, runs[case]))


@pytest.mark.parametrize(("validator", "render"), [(CTRF, ctrf.render), (SARIF, sarif.render)])
def test_the_schemas_refuse_what_they_do_not_know(
    validator: Draft7Validator | Draft4Validator, render: Callable[[RunRecord], str], runs: dict[str, RunRecord]
) -> None:
    assert not validator.is_valid({**parsed(render, runs["go"]), "made_up": 1})


@pytest.mark.parametrize("case", CASES)
def test_ctrf_counts_what_it_lists(case: str, runs: dict[str, RunRecord]) -> None:
    results = parsed(ctrf.render, runs[case])["results"]
    statuses = [test["status"] for test in results["tests"]]
    assert results["summary"]["tests"] == len(statuses)
    for status in ("passed", "failed", "skipped", "pending", "other"):
        assert results["summary"][status] == statuses.count(status)
    assert len({test["id"] for test in results["tests"]}) == len(statuses)


@pytest.mark.parametrize("case", CASES)
def test_ctrf_has_no_failed_gate_exactly_for_go(case: str, runs: dict[str, RunRecord]) -> None:
    gate = by_id(runs[case])["Release"]
    assert (gate["status"] == "passed") == (case in ("go", "waived"))


def test_ctrf_calls_only_a_pass_passed(runs: dict[str, RunRecord]) -> None:
    statuses = {name: (test["status"], test["rawStatus"]) for name, test in by_id(runs["interrupted"]).items()}
    assert statuses["AUDIT-001"] == ("failed", "not_run")
    assert by_id(runs["inconclusive"])["ERR-001"]["status"] == "failed"
    assert by_id(runs["go"])["AUTO-001"]["status"] == "skipped"


def test_ctrf_keeps_a_waived_failure_failed_and_says_until_when(runs: dict[str, RunRecord]) -> None:
    test = by_id(runs["waived"])["ERR-001"]
    assert test["status"] == "failed"
    assert "waived" in test["tags"]
    assert test["message"].startswith("waived until 2026-03-03")


def test_a_test_has_the_same_id_in_every_run_and_a_report_never(runs: dict[str, RunRecord]) -> None:
    assert by_id(runs["go"])["AUTH-001"]["id"] == by_id(runs["no-go"])["AUTH-001"]["id"]
    assert parsed(ctrf.render, runs["go"])["reportId"] != parsed(ctrf.render, runs["no-go"])["reportId"]


def sarif_run(record: RunRecord) -> dict[str, Any]:
    (run,) = parsed(sarif.render, record)["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_has_a_rule_for_each_security_control_and_a_result_for_each_finding(runs: dict[str, RunRecord]) -> None:
    run = sarif_run(runs["no-go"])
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["PRE-001", "AUTH-001", "AUTH-012"]
    assert rules[1]["properties"]["security-severity"] == "9.5"
    assert {"security", "OWASP API2:2023"} <= set(rules[1]["properties"]["tags"])
    assert rules[1]["help"]["text"] == "Set AUTH_ENABLED=true and deploy again."
    assert [item["ruleId"] for item in run["results"]] == ["AUTH-001", "AUTH-012"]
    assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in run["results"])


def test_sarif_points_at_the_suite_and_keeps_the_fingerprint(runs: dict[str, RunRecord]) -> None:
    finding = sarif_run(runs["no-go"])["results"][0]
    assert finding["level"] == "error"
    assert finding["partialFingerprints"] == {"gateFinding/v1": "fp:2"}
    assert finding["suppressions"] == []
    (location,) = finding["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "suites/security/test_auth.py"


def test_sarif_says_open_where_nothing_could_be_judged(runs: dict[str, RunRecord]) -> None:
    record = runs["no-go"]
    lost = replace(record, results={**record.results, "AUTH-001": Result("AUTH-001", Outcome.INCONCLUSIVE, "no answer")})
    run = sarif_run(lost)
    SARIF.validate(parsed(sarif.render, lost))
    assert (run["results"][0]["kind"], run["results"][0]["level"]) == ("open", "none")
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["associatedRule"]["id"] == "AUTH-001"


def test_sarif_suppresses_what_is_waived_and_only_that(runs: dict[str, RunRecord]) -> None:
    record = runs["waived"]
    moved = replace(record, controls=tuple(replace(item, suite="security") for item in record.controls))
    SARIF.validate(parsed(sarif.render, moved))
    suppressed = {item["ruleId"]: item["suppressions"] for item in sarif_run(moved)["results"]}
    assert suppressed["AUTH-012"] == []
    (mark,) = suppressed["ERR-001"]
    assert (mark["kind"], mark["status"]) == ("external", "accepted")
    assert "approved by Grace Hopper, OPS-42" in mark["justification"]
    expired = replace(runs["waiver-expired"], controls=moved.controls)
    assert all(item["suppressions"] == [] for item in sarif_run(expired)["results"])


def test_sarif_of_an_interrupted_run_is_no_success(runs: dict[str, RunRecord]) -> None:
    (invocation,) = sarif_run(runs["interrupted"])["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "endTimeUtc" not in invocation
    assert invocation["toolExecutionNotifications"][0]["level"] == "error"
    (invocation,) = sarif_run(runs["go"])["invocations"]
    assert invocation["executionSuccessful"] is True


def test_waivers_with_a_problem_are_in_every_format(runs: dict[str, RunRecord]) -> None:
    for name in (*FILES, "github"):
        page = FORMATS[name](runs["waiver-expired"])
        for problem in ("it ended on 2026-02-27", "the run has no control of this name"):
            assert problem in page, name


def test_the_verdict_before_waivers_is_told(runs: dict[str, RunRecord]) -> None:
    for name in ("ctrf", "sarif", "github"):
        assert "NO-GO before waivers, GO with them" in FORMATS[name](runs["waived"]), name
    (found,) = parsed(oscal.render, runs["waived"])["assessment-results"]["results"]
    assert {"NO-GO"} == {item["value"] for item in found["props"] if item["name"] == "verdict-before-waivers"}


@pytest.mark.parametrize("source", ["../../etc/passwd", "/abs/x.py", "http://evil/x", "", "a b/%zz?q#f", "\ud83d/\x00"])
def test_a_sarif_location_stays_below_the_suites(source: str, runs: dict[str, RunRecord]) -> None:
    record = runs["no-go"]
    moved = replace(record, controls=tuple(replace(item, source=source) for item in record.controls))
    for item in sarif_run(moved)["results"]:
        uri = item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:[\w.~-]|%[0-9A-F]{2})+(?:/(?:[\w.~-]|%[0-9A-F]{2})+)*", uri), uri
        assert not {"", ".", ".."} & set(uri.split("/"))


@pytest.mark.parametrize("case", CASES)
def test_gitlab_entries_have_what_gitlab_demands(case: str, runs: dict[str, RunRecord]) -> None:
    entries = parsed(gitlab.render, runs[case])
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in GITLAB_SEVERITIES
        assert re.fullmatch(r"[0-9a-f]{64}", entry["fingerprint"])
        assert entry["location"]["path"]
        assert entry["location"]["lines"] == {"begin": 1}
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)


def test_gitlab_tells_all_that_blocks_and_what_is_waived(runs: dict[str, RunRecord]) -> None:
    told = {case: {entry["check_name"]: entry["severity"] for entry in parsed(gitlab.render, runs[case])} for case in CASES}
    assert told["no-go"] == {"AUTH-001": "blocker", "AUTH-012": "minor"}
    assert told["inconclusive"]["ERR-001"] == "critical"
    assert told["interrupted"]["gate"] == "blocker"
    assert told["waived"]["ERR-001"] == "info"
    assert told["waiver-expired"] | {"waiver": "blocker", "ERR-001": "critical"} == told["waiver-expired"]


def test_a_gitlab_finding_has_the_same_fingerprint_in_the_next_run(runs: dict[str, RunRecord]) -> None:
    first, second = ({entry["check_name"]: entry["fingerprint"] for entry in parsed(gitlab.render, runs[case])} for case in ("go", "no-go"))
    assert first["AUTH-012"] == second["AUTH-012"]


@pytest.mark.parametrize("case", CASES)
def test_oscal_is_accepted_by_compliance_trestle(case: str, runs: dict[str, RunRecord]) -> None:
    document = parsed(oscal.render, runs[case])["assessment-results"]
    read = AssessmentResults.model_validate(document)
    assert read.uuid == document["uuid"]
    assert len(read.results[0].findings or ()) == len(document["results"][0]["findings"])


@pytest.mark.parametrize("change", [{"uuid": "no uuid"}, {"import-ap": None}, {"made-up": 1}])
def test_compliance_trestle_refuses_what_is_wrong(change: dict[str, object], runs: dict[str, RunRecord]) -> None:
    with pytest.raises(ValidationError):
        AssessmentResults.model_validate(parsed(oscal.render, runs["go"])["assessment-results"] | change)


def states(record: RunRecord) -> dict[str, str]:
    (found,) = parsed(oscal.render, record)["assessment-results"]["results"]
    return {item["target"]["target-id"]: item["target"]["status"]["state"] for item in found["findings"]}


def test_oscal_is_satisfied_only_by_a_pass_of_a_decided_run(runs: dict[str, RunRecord]) -> None:
    assert states(runs["go"])["release-gate.obj"] == "satisfied"
    assert states(runs["go"])["AUTH-001.obj"] == "satisfied"
    assert "AUTO-001.obj" not in states(runs["go"])
    assert states(runs["no-go"])["AUTH-001.obj"] == "not-satisfied"
    assert states(runs["inconclusive"])["ERR-001.obj"] == "not-satisfied"
    assert states(runs["waived"])["ERR-001.obj"] == "not-satisfied"
    assert set(states(runs["interrupted"]).values()) == {"not-satisfied"}


def test_oscal_tells_a_waiver_as_a_risk_that_somebody_answers_for(runs: dict[str, RunRecord]) -> None:
    (found,) = parsed(oscal.render, runs["waived"])["assessment-results"]["results"]
    (risk,) = found["risks"]
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2026-03-03T23:59:59Z")
    (finding,) = [item for item in found["findings"] if item.get("related-risks")]
    assert finding["related-risks"] == [{"risk-uuid": risk["uuid"]}]


def uuids(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*([value["uuid"]] if "uuid" in value else []), *(found for item in value.values() for found in uuids(item))]
    return [found for item in value for found in uuids(item)] if isinstance(value, list) else []


def test_oscal_identifiers_are_made_from_the_journals_head(runs: dict[str, RunRecord]) -> None:
    found = uuids(parsed(oscal.render, runs["no-go"]))
    assert len(found) == len(set(found))
    assert {UUID(item).version for item in found} == {5}
    other = uuids(parsed(oscal.render, replace(runs["no-go"], head="sha256:" + "0" * 64)))
    assert not set(found) & set(other)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_record_gives_the_same_bytes(name: str, case: str, runs: dict[str, RunRecord]) -> None:
    assert FORMATS[name](runs[case]) == FORMATS[name](replace(runs[case]))


@pytest.mark.parametrize("case", CASES)
def test_the_bundle_holds_them(case: str, runs: dict[str, RunRecord]) -> None:
    files = render_all(runs[case])
    assert {name: files[file] for name, file in FILES.items()} == {name: FORMATS[name](runs[case]) for name in FILES}
