"""The generator's record made into a result and a folder."""

import json
import sys
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from gate.errors import ConfigurationError, EvidenceError
from gate.load import find_result, launch, result_of
from gate.load.collect import collect
from gate.load.files import prepare, publish, slugs
from gate.load.plan import make_plan
from gate.load.running import judged
from gate.model import EVERY, LATENCIES, LoadOutcome
from gate.target.toml import validate
from tests.load.conftest import section
from tests.load.servers import closed_port

PLAN = make_plan(section(100, 3), "smoke", base_url="http://x", run_id="0123456789ab", user_agent="g", values={"batch_code": "B"})


def encoded(milliseconds):
    kept = HdrHistogram(1, 120_000_000, 3)
    for value in milliseconds:
        kept.record_value(round(value * 1000))
    return kept.encode().decode()


def raw(**names):
    """What perf/finish.py writes, with these latencies by name."""
    counted = {
        name: {
            "count": len(values),
            "errors": 0,
            "statuses": {"200": len(values)},
            "failures": {},
            "histogram": encoded(values),
            "service_histogram": encoded(value / 2 for value in values),
        }
        for name, values in names.items()
    }
    total = sum(map(len, names.values()))
    return {
        **dict.fromkeys(("scheduled", "sent", "completed", "locust_total"), total),
        "dropped": 0,
        "unfinished": 0,
        "aborted": None,
        "seconds": 3.0,
        "series": [],
        "versions": {},
        "names": counted,
        **dict.fromkeys(("started_at", "finished_at"), "2026-01-01T00:00:00.000Z"),
        "workers": {"expected": 1, "seen": 1, "missing": 0},
        "generator": {"cpu_max": 0.1, "late_p99_ms": 1.0, "late_max_ms": 2.0},
    }


FOUND = raw(**{"GET /audit": [*range(1, 101)], "GET /trace/{code}": [*range(101, 201)]})


def test_percentiles_come_from_the_merged_histograms():
    every = collect(PLAN, FOUND, 0).names[EVERY]
    expected = {"min": 1, "mean": 100.5, "p50": 100, "p75": 150, "p90": 180, "p95": 190, "p99": 198, "p99.9": 200, "max": 200}
    assert every.latency_ms == pytest.approx(expected, rel=0.002)
    assert tuple(every.latency_ms) == LATENCIES
    assert every.service_ms["p50"] == pytest.approx(50, rel=0.002)
    assert (every.count, every.statuses) == (200, {"200": 200})


def test_a_name_that_nothing_came_of_is_there():
    assert collect(PLAN, FOUND, 0).names["POST /run"].count == 0


def test_the_folder_holds_the_result_a_mergeable_histogram_a_name_and_no_more(tmp_path: Path):
    result = collect(PLAN, FOUND, 0)
    partial = prepare(tmp_path / "load", PLAN)
    publish(partial, tmp_path / "load", result, judged(result, section()), FOUND)
    assert sorted(path.name for path in (tmp_path / "load").iterdir()) == [
        "hist-GET-audit.hdr",
        "hist-GET-trace-code.hdr",
        "plan.json",
        "result.json",
    ]
    data = json.loads((tmp_path / "load" / "result.json").read_text())
    validate(tmp_path, data, "load_result.schema.json")
    validate(tmp_path, json.loads((tmp_path / "load" / "plan.json").read_text()), "load_plan.schema.json")
    assert result_of(data) == result
    kept = HdrHistogram.decode((tmp_path / "load" / "hist-GET-audit.hdr").read_text().strip())
    assert (kept.get_total_count(), kept.get_max_value() // 1000) == (100, 100)


def test_a_result_is_found_in_a_folder_in_a_bundle_and_by_its_own_name(tmp_path: Path):
    (tmp_path / "data" / "load").mkdir(parents=True)
    file = tmp_path / "data" / "load" / "result.json"
    file.write_text("{}")
    assert {find_result(path) for path in (tmp_path, file.parent, file)} == {file}
    with pytest.raises(ConfigurationError, match="holds no result"):
        find_result(tmp_path / "data")


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path):
    with pytest.raises(EvidenceError, match="is there already"):
        prepare(tmp_path, PLAN)


def test_slugs_are_safe_and_used_once():
    found = slugs(["GET /a/{b}", "GET /a/b", "GET /a b", "../..", "é"])
    assert len(set(found.values())) == 5
    assert all(set(slug) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") for slug in found.values())
    assert not any(slug.startswith(".") for slug in found.values())


@pytest.mark.parametrize(
    ("program", "status"), [("raise SystemExit(0)", 0), ("raise SystemExit(3)", 3), ("import time; time.sleep(60)", -9)]
)
def test_without_a_record_it_is_inconclusive(send, monkeypatch, program, status):
    monkeypatch.setattr(launch, "_locust", lambda: [sys.executable, "-c", program])
    for name in ("START", "END"):
        monkeypatch.setattr(launch, name, 0.2)
    done = send(f"http://127.0.0.1:{closed_port()}", section(20, 0.5, timeout_seconds=0.1))
    assert (done.judgement.outcome, done.result.exit_status, done.result.sent) == (LoadOutcome.INCONCLUSIVE, status, 0)
    assert done.result.names[EVERY].latency_ms == {}
    assert (done.folder / "locust.log").is_file()


def test_a_status_that_the_record_does_not_explain_is_inconclusive():
    assert judged(collect(PLAN, FOUND, 0), section())[0].outcome is LoadOutcome.PASSED
    assert judged(collect(PLAN, FOUND, 2), section())[0].outcome is LoadOutcome.INCONCLUSIVE
