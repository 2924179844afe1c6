"""Whole runs against a service whose answers are wrong in ways that only the drills' controls see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.forwarder import Answer, Asked, Forwarder
from tests.run.support import Finished, Reference, launch, start_reference, stop_reference

Rewrite = Callable[[Any], Any]
TWINS = "Distributor A"  # one of the two customers of BATCH-2026-02-0013


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("healthy"))
    yield found
    stop_reference(found)


def run(reference: Reference, change: Any, folder: Path, before: Any = lambda _: None, **more: str) -> Finished:
    with Forwarder(reference.settings["BASE_URL"], change, before) as between:
        process = launch(reference.settings | {"BASE_URL": between.base_url} | more, folder / "reports")
        out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err, folder / "reports")


def failed(done: Finished) -> set[str]:
    return {name for name, outcome in done.controls.items() if outcome == "failed"}


def same(_: Asked, answer: Answer) -> Answer:
    return answer


def rewritten(needles: tuple[str, ...], rewrite: Rewrite) -> Any:
    """JSON answers of those paths, changed."""

    def change(asked: Asked, answer: Answer) -> Answer:
        hit = answer.status == 200 and any(needle in asked.target for needle in needles)
        return Answer(answer.status, answer.headers, json.dumps(rewrite(json.loads(answer.body))).encode()) if hit else answer

    return change


def without(rows: list[Any], *positions: int) -> list[Any]:
    return [row for number, row in enumerate(rows) if number not in positions]


def opened(asked: Asked, answer: Answer) -> Answer:
    """A real file for everyone; what does not exist is still refused."""
    real = asked.method == "GET" and asked.target.endswith("/download/audit_events.csv") and answer.status in (401, 403)
    return Answer(200, answer.headers, b"audit_id\r\n") if real else answer


def packed(asked: Asked, answer: Answer) -> Answer:
    compressed = asked.headers.get("Accept-Encoding") == "gzip" and "/download/" in asked.target
    return Answer(answer.status, answer.headers, answer.body + b"\r\n") if compressed else answer


FAULTS: dict[str, Any] = {
    "FILE-002": opened,
    "AUD-006": packed,
    "AUD-022": rewritten(("/audit/events?limit=1000",), lambda body: {"rows": without(body["rows"], len(body["rows"]) - 2)}),
    "AUD-024": rewritten(("/download/checksums.json",), lambda body: {**body, "extra.csv": "0" * 64}),
    "AUD-027": rewritten(("/audit/packs",), lambda body: {**body, "rows": [{**row, "row_count": 1} for row in body["rows"]]}),
    "ACC-012": rewritten(("/timeline",), lambda body: {**body, "timeline": body["timeline"][-1:]}),
}


@pytest.mark.slow
def test_nothing_is_found_where_nothing_is_wrong(healthy: Reference, tmp_path: Path) -> None:
    assert run(healthy, same, tmp_path).status == 0


@pytest.mark.slow
@pytest.mark.parametrize("control", FAULTS)
def test_fault_is_named(control: str, healthy: Reference, tmp_path: Path) -> None:
    done = run(healthy, FAULTS[control], tmp_path)
    assert done.status == 10, done.out
    assert control in failed(done)


@pytest.mark.slow
def test_a_pack_that_is_cut_without_saying_so(healthy: Reference, tmp_path: Path) -> None:
    """All its hashes and counts agree with each other: only the table behind it tells."""

    def cut(asked: Asked) -> None:
        if asked.target.endswith("/packs/generate"):
            asked.body = asked.body.replace(b"10000", b"00009").replace(b" 00009", b"     9")

    done = run(healthy, same, tmp_path, cut)
    assert done.status == 10, done.out
    assert "AUD-023" in failed(done)
    assert failed(done) & {"AUD-003", "AUD-004", "AUD-005", "AUD-013", "AUD-016"} == set()


def fewer(body: Any) -> Any:
    """Without one customer, everywhere, and counted so."""
    if isinstance(body, dict):
        less = {key: fewer(value) for key, value in body.items()}
        return less | ({"impacted_customers_count": 1} if less.get("impacted_customers_count") == 2 else {})
    return [fewer(item) for item in body if not (isinstance(item, dict) and item.get("name") == TWINS)] if isinstance(body, list) else body


@pytest.mark.slow
def test_recall_and_trace_lose_the_same_customer(healthy: Reference, tmp_path: Path) -> None:
    """Of a batch whose numbers are not known, and consistently: only the records tell."""
    done = run(healthy, rewritten(("/recall/simulate", "/trace/batch/"), fewer), tmp_path, BATCH_CODE="BATCH-2026-02-0013")
    assert done.status == 10, done.out
    recall = {name for name in failed(done) if name.startswith("REC-")}
    assert recall == {"REC-015", "REC-016", "REC-018"}  # the drill batch, and the trace of the hardest others


def prettier(body: Any) -> Any:
    """With another figure for one KPI, wherever it stands."""
    if isinstance(body, dict):
        return {key: "77.77" if key == "supplier_risk_coverage_pct" else prettier(value) for key, value in body.items()}
    return [prettier(item) for item in body] if isinstance(body, list) else body


@pytest.mark.slow
def test_cycle_and_kpis_tell_the_same_untruth(healthy: Reference, tmp_path: Path) -> None:
    """The run's summary and the KPIs agree with each other, and not with what is stored."""

    done = run(healthy, rewritten(("/kpi/daily", "/automation/"), prettier), tmp_path)
    assert done.status == 10, done.out
    assert "ACC-021" in failed(done)
    assert "ACC-018" not in failed(done)
