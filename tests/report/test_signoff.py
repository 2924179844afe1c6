"""The sign-off log: the checklist's words, nothing made up, and one person in two roles impossible to miss."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gate.decide.person import same
from gate.model import RunRecord
from gate.report.all import report_paths
from gate.report.signoff import Release, render

TS = "20260228T100833Z"
PATHS = report_paths(TS, "storage/reports/render-prod")
LABELS = """\
Deployment timestamp (UTC)
Release commit SHA
Release tag
Release gate report path
Security regression report path
Go-live acceptance report path
Recall drill result
Endpoint
Batch
Outcome
Trace response time
Timestamp (UTC)
Audit pack verify result
Pack ID
Verify outcome
Download check
Timestamp (UTC)
Re-validation timestamp (UTC)
Re-validation commit SHA on `main`
Re-validation release gate report path
Re-validation security regression report path
Re-validation go-live acceptance report path
Re-validation recall drill result
Endpoint
Batch
Outcome
Trace response time
Timestamp (UTC)
Re-validation audit pack verify result
Pack ID
Verify outcome
Download check
Timestamp (UTC)
Approver names (Engineering, QA, Operations)""".splitlines()


def labels(log: str) -> list[str]:
    return [match[1] for match in re.finditer(r"^ *- (.*?):(?: |$)", log, re.MULTILINE)]


def test_every_field_of_the_checklist_in_its_order_and_words(runs: dict[str, RunRecord]) -> None:
    log = render([(runs["go"], PATHS), (runs["go"], PATHS)], Release(("9902729", "377ba7b"), "v1"))
    assert labels(log) == LABELS
    assert "- Release commit SHA: `9902729`" in log
    assert "- Re-validation commit SHA on `main`: `377ba7b`" in log
    assert log.endswith("- Approver names (Engineering, QA, Operations): `Pending manual sign-off entry`\n")
    assert "WARNING" not in log


def test_what_is_unknown_is_not_recorded(runs: dict[str, RunRecord]) -> None:
    log = render([(replace(runs["go"], facts={}), {})], Release())
    values = dict(line.lstrip(" -").split(": ", 1) for line in log.splitlines() if ": " in line)
    known = {"Deployment timestamp (UTC)", "Approver names (Engineering, QA, Operations)"}
    assert all("not recorded" in value for label, value in values.items() if label not in known)
    assert "valid=true" not in log
    assert "met" not in log.replace("not shown to be met", "").replace("timestamp", "")


@pytest.mark.parametrize(
    ("took", "limit", "said"),
    [
        (0.668536, 10, "`0.668536s` (target `< 10s` met)"),
        (10, 10, "`10s` (target `< 10s` **NOT met**)"),
        (-1, 10, "`-1s` (target `< 10s` **NOT met**)"),
        ("0.5", "10.0", "`0.5s` (target `< 10s` met)"),
        (None, 10, "`not recorded` (target `< 10s` not shown to be met)"),
        ("NaN", 10, "`not recorded` (target `< 10s` not shown to be met)"),
        (True, 10, "`not recorded` (target `< 10s` not shown to be met)"),
        (0.5, None, "`0.5s` (target not recorded, not shown to be met)"),
        ([0.5], "`x`", "`not recorded` (target not recorded, not shown to be met)"),
        ("9" * 400, 10, "`not recorded` (target `< 10s` not shown to be met)"),
    ],
)
def test_the_time_target_is_met_by_numbers_only(took: object, limit: object, said: str, runs: dict[str, RunRecord]) -> None:
    facts = {"recall_drill": {**runs["go"].facts["recall_drill"], "trace_seconds": took, "limit_seconds": limit}}
    assert f"Trace response time: {said}" in render([(replace(runs["go"], facts=facts), PATHS)], Release())


@pytest.mark.parametrize("case", ["no-go", "inconclusive", "interrupted"])
def test_a_run_that_is_no_go_says_so_at_the_top(case: str, runs: dict[str, RunRecord]) -> None:
    first = render([(runs[case], PATHS)], Release()).splitlines()[2]
    assert first.startswith("**WARNING: the deployment run of 2026-02-28T10:08:33Z ")
    assert {"no-go": "NO-GO", "inconclusive": "INCONCLUSIVE", "interrupted": "INTERRUPTED"}[case] in first
    again = render([(runs["go"], PATHS), (runs[case], PATHS)], Release()).splitlines()[2]
    assert again.startswith("**WARNING: re-validation 1 of ")


def test_one_person_in_two_roles_cannot_be_missed(runs: dict[str, RunRecord]) -> None:
    log = render([(runs["go"], PATHS)], Release(engineering="Ada Lovelace", qa="Grace Hopper", operations="  ADA\tlovelace "))
    assert log.splitlines()[2].startswith(
        "**WARNING: the same person approves for Engineering and for Operations: Ada Lovelace / ADA lovelace"
    )
    assert "  - Engineering: `Ada Lovelace` **(not signed; the same person as Operations)**" in log
    assert "  - QA: `Grace Hopper` **(not signed)**\n" in log
    assert "  - Operations: `ADA lovelace` **(not signed; the same person as Engineering)**" in log


def test_one_person_in_all_roles_is_three_warnings(runs: dict[str, RunRecord]) -> None:
    log = render([(runs["go"], PATHS)], Release(engineering="A. B", qa="A. B", operations="A. B"))
    assert log.count("**WARNING: the same person") == 3
    assert log.count("; the same person as ") == 3


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u202e", None])
def test_an_invisible_name_is_no_approval(name: str | None, runs: dict[str, RunRecord]) -> None:
    log = render([(runs["go"], PATHS)], Release(engineering="Ada", qa=name, operations="Grace"))
    assert "  - QA: `Pending manual sign-off entry`" in log


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José Müller", "jose mu\u0308ller"),
        ("Ada Lovelace", "Lovelace, Ada"),
        ("Ada Lovelace", "Аdа Lоvеlасе"),  # noqa: RUF001 - Cyrillic letters on purpose
        ("Ａｄａ", "ada"),  # noqa: RUF001 - full-width letters on purpose
        ("Ada\u00a0Lovelace", "Ada  Lovelace"),
        ("Ada\u200bLovelace", "AdaLovelace"),
        ("Straße", "STRASSE"),
        ("Ada Lovelace <ada@example.com>", "ada@EXAMPLE.com"),
        ("Ada Lovelace <ada@example.com>", "Ada Lovelace (lovelace@other.example)"),
        ("A. Lovelace", "a lovelace"),
        ("山田 太郎", "山田太郎"),
    ],
)
def test_the_same_person(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("Ada Lovelace", "Ada King"), ("山田 太郎", "山田 花子"), ("a@x.example", "b@x.example"), ("...", "---"), ("", "")]
)
def test_different_people(one: str, other: str) -> None:
    assert not same(one, other)


def test_the_template_is_found_where_the_data_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: dict[str, RunRecord]) -> None:
    monkeypatch.chdir(tmp_path)
    assert render([(runs["go"], PATHS)], Release()).startswith("# Sign-off log\n")
