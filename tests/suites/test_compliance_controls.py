"""Compliance by its own numbers, a batch that is outside its limits, and a process value as it was sent."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gate.model import Inconclusive, Unmet
from tests.suites.drills import TOOLS as AUDIT_TOOLS
from tests.suites.drills import acceptance
from tests.suites.made_up import nothing, saw, suite, target

COMPLIANCE, VALUES = suite("acceptance/test_compliance.py"), suite("acceptance/test_process_values.py")
TOOLS = SimpleNamespace(number=acceptance.number, moment=acceptance.moment, runs_in=AUDIT_TOOLS.runs_in, ended=acceptance.ended)
T = target()


def row(value: Any = 6.2, status: str = "pass", low: Any = None, high: Any = 8, parameter: str = "moisture") -> dict[str, Any]:
    return {"parameter": parameter, "value": value, "min_value": low, "max_value": high, "status": status}


def compared(*rows: dict[str, Any], total: Any = None, compliant: Any = None, code: str = "BATCH-1") -> Any:
    summary = {"total_parameters": len(rows) if total is None else total} | ({} if compliant is None else {"compliant": compliant})
    return saw({"batch_code": code, "comparison": list(rows), "summary": summary})


RIGHT = {
    "in its limits": compared(row(), compliant=True),
    "a decimal text": compared(row("6.20"), compliant=True),
    "on the limit, either way": compared(row(8), row(8, "fail", parameter="lead"), compliant=False),
    "outside and said to be": compared(row(9.1, "fail"), compliant=False),
    "without a value": compared(row(None, "missing"), compliant=False),
    "rows of another shape": compared({"name": "moisture", "result": 6.2}, compliant=True),
    "one parameter of two markets": compared(row(), row(high=9), total=1),
    "no word about compliance": compared(row()),
    "words of its own": compared(row(status="COMPLIANT"), row(9.1, "EXCEEDED", parameter="lead")),
}
WRONG = {
    "no rows": compared(total=1),
    "no count": compared(row(), total=0),
    "a count of other rows": compared(row(), total=3),
    "true as a count": compared(row(), total=True),
    "passed above": compared(row(9.1)),
    "passed below": compared(row(1, low=2)),
    "passed without a value": compared(row(None)),
    "failed within": compared(row(status="fail")),
    "compliant with a failure": compared(row(), row(9.1, "fail", parameter="lead"), compliant=True),
    "not compliant without one": compared(row(), compliant=False),
    "another batch": compared(row(), code="BATCH-2"),
    "no list": saw({"batch_code": "BATCH-1", "comparison": {}, "summary": {"total_parameters": 1}}),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_comparison_that_fits_its_numbers_passes(case: str) -> None:
    COMPLIANCE.test_compliance(RIGHT[case], T, TOOLS)


@pytest.mark.parametrize("case", WRONG)
def test_one_that_does_not_is_a_finding(case: str) -> None:
    with pytest.raises(Unmet):
        COMPLIANCE.test_compliance(WRONG[case], T, TOOLS)


def test_an_unfit_batch_is_not_called_fit() -> None:
    COMPLIANCE.test_unfit(("B-2", compared(row(9.1, "fail"), compliant=False, code="B-2"), ""), nothing, T, TOOLS)
    COMPLIANCE.test_unfit((None, compared(row(), compliant=True), ""), nothing, T, TOOLS)
    for wrong in (compared(row(), compliant=True, code="B-2"), compared(row(), code="B-2"), saw({}, 500)):
        with pytest.raises(Unmet):
            COMPLIANCE.test_unfit(("B-2", wrong, ""), nothing, T, TOOLS)
    with pytest.raises(Inconclusive, match="profile's words"):
        COMPLIANCE.test_unfit(("B-2", compared(row(9.1, "EXCEEDED"), code="B-2"), ""), nothing, T, TOOLS)
    with pytest.raises(Inconclusive, match="dead"):
        COMPLIANCE.test_unfit((None, None, "the database is dead"), nothing, T, TOOLS)


SENT = {"metric_value": 60.375, "unit": "C", "measured_at": "2026-11-27T15:00:00.000-09:30", "source": "gate-run"}
KEPT = {"id": "log-1", "metric_value": 60.375, "unit": "C", "at": "2026-11-28T00:30:00+00:00"}
OLD = {"id": "log-0", "metric_value": 60.375, "unit": "C", "at": "2026-11-20T00:30:00+00:00"}


def ingested(*rows: dict[str, Any]) -> Any:
    log = saw({"ccp_log_id": "log-1"}, body=json.dumps(SENT).encode())
    return SimpleNamespace(log=log, timeline=saw({"timeline": list(rows)}))


@pytest.mark.parametrize(
    "rows",
    [
        (KEPT, OLD),
        ({**KEPT, "metric_value": "60.375"},),
        ({**KEPT, "at": "2026-11-28T00:30:00.700Z"},),
        ({key: value for key, value in KEPT.items() if key != "id"}, OLD),
        ({"kind": "log", "details": KEPT},),
        ({"id": "log-1", "message": "temperature 60.375 C", "at": KEPT["at"]},),
        (KEPT, {"kind": "audit", "about": "log-1"}),
    ],
)
def test_a_value_as_it_was_sent_passes(rows: Any) -> None:
    VALUES.test_log_is_kept(ingested(*rows), nothing, T, TOOLS)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (OLD,),
        (KEPT, KEPT),
        ({**KEPT, "metric_value": 60},),
        ({**KEPT, "metric_value": None},),
        ({**KEPT, "at": "2026-11-27T15:00:00+00:00"},),
        ({**KEPT, "at": None},),
        ({**KEPT, "unit": "F"},),
    ],
)
def test_one_that_is_lost_doubled_or_changed_is_a_finding(rows: Any) -> None:
    with pytest.raises(Unmet):
        VALUES.test_log_is_kept(ingested(*rows), nothing, T, TOOLS)
