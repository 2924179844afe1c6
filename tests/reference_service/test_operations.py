"""Measurements, alerts, the daily cycle, laboratory reports, regulatory releases and risk."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.reference_service.instances import BATCH, GHOST, Instance, until

CSV = "parameter,value,unit\nmoisture,{},pct\nlead,0.01,mg/kg\n"
THRESHOLDS = "parameter,unit,min_value,max_value\nmoisture,pct,,7.5\nlead,mg/kg,,0.1\n"


def measure(service: Instance, value: float, **other: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    body = {"batch_code": BATCH, "ccp_code": "DRYING", "metric_name": "temperature", "metric_value": value, "unit": "C", "measured_at": now}
    answer = service.post("/api/v1/ccp/logs", "qa", json={**body, **other})
    assert answer.status_code == 200, answer.text
    recorded: dict[str, Any] = answer.json()
    return recorded


@pytest.mark.parametrize(("value", "within"), [(55, True), (60, True), (65, True), (54.999, False), (65.001, False)])
def test_a_measurement_is_held_against_its_rule(hardened: Instance, value: float, *, within: bool) -> None:
    recorded = measure(hardened, value)
    assert recorded["within_limits"] is within
    assert (recorded["alert"] is None) is within


def test_a_measurement_without_a_rule_is_only_recorded(hardened: Instance) -> None:
    assert measure(hardened, 1e6, ccp_code="UNRULED")["within_limits"] is None


def test_an_alert_is_raised_listed_and_acknowledged_once(hardened: Instance) -> None:
    alert = measure(hardened, 80)["alert"]
    path = f"/api/v1/ccp/alerts/{alert['alert_id']}/ack"
    listed = [entry["alert_id"] for entry in hardened.get("/api/v1/ccp/alerts?status=open&limit=1", "viewer").json()["rows"]]
    assert (alert["alert_type"], alert["status"], listed) == ("CCP_DEVIATION", "open", [alert["alert_id"]])
    acknowledged = hardened.call("PATCH", path, "qa", json={"note": "line stopped"}).json()
    assert (acknowledged["status"], acknowledged["acknowledged_by"]) == ("acknowledged", "gate-qa")
    assert hardened.call("PATCH", path, "qa").status_code == 409
    assert hardened.call("PATCH", f"/api/v1/ccp/alerts/{GHOST}/ack", "qa").status_code == 404
    timeline = hardened.get(f"/api/v1/ccp/batch/{BATCH}/timeline").json()["timeline"]
    assert {entry["kind"] for entry in timeline} == {"measurement", "alert"}


def test_the_daily_cycle_computes_today(hardened: Instance) -> None:
    hardened.post("/api/v1/recall/simulate", json={"batch_code": BATCH})
    run = hardened.post("/api/v1/automation/run-daily", "ops").json()
    (today,) = hardened.sql("select current_date::text")[0]
    first = hardened.get("/api/v1/kpi/daily").json()["rows"][0]
    assert (run["status"], run["actor_id"], run["summary"]["kpi_date"]) == ("completed", "gate-ops", today)
    assert first["kpi_date"] == today
    assert float(first["avg_recall_trace_time_ms"]) > 0
    assert 0 <= float(first["supplier_risk_coverage_pct"]) <= 100
    listed = hardened.get("/api/v1/automation/runs?limit=1").json()["rows"][0]
    assert (listed["run_id"], listed["run_type"], listed["status"]) == (run["run_id"], "DAILY_CYCLE", "completed")
    events = hardened.get(f"/api/v1/audit/events?entity_id={run['run_id']}").json()["rows"]
    assert [event["action_type"] for event in events] == ["AUTOMATION_RUN_COMPLETED"]


def test_the_background_cycle_is_the_callers(hardened: Instance) -> None:
    before = hardened.sql("select count(*) from automation_runs where status = 'completed'")
    queued = hardened.post("/api/v1/automation/run-daily-async?actor_id=somebody-else", "ops").json()
    assert (queued["status"], queued["actor_id"]) == ("queued", "gate-ops")
    until(lambda: hardened.sql("select count(*) from automation_runs where status = 'completed'") > before, "the cycle completed")
    assert hardened.sql("select count(*) from automation_runs where actor_id = 'somebody-else'") == [(0,)]


def test_one_cycle_at_a_time_and_the_watchdog(hardened: Instance) -> None:
    ((run_id,),) = hardened.sql(
        "insert into automation_runs (actor_id, started_at) values ('stuck', now() - interval '45 min') returning run_id::text"
    )
    skipped = hardened.post("/api/v1/automation/run-daily", "ops").json()
    assert (skipped["status"], skipped["run_id"]) == ("skipped", run_id)
    status = hardened.get("/api/v1/automation/status").json()
    assert (status["daily_cycle_running"], status["running_run"]["run_id"]) == (True, run_id)
    watchdog = "/api/v1/automation/watchdog/mark-stuck-failed?timeout_minutes="
    assert hardened.post(watchdog + "60", "ops").json() == {"marked_failed_runs": 0, "timeout_minutes": 60, "actor_id": "gate-ops"}
    assert hardened.post(watchdog + "30", "ops").json()["marked_failed_runs"] == 1
    assert hardened.get("/api/v1/automation/status").json()["daily_cycle_running"] is False
    assert [hardened.post(watchdog + minutes, "ops").status_code for minutes in ("29", "1441", "x")] == [422] * 3


def upload(service: Instance, path: str, text: str | bytes, identity: str = "qa", **fields: str) -> Any:
    return service.post(path, identity, files={"file": ("report.csv", text, "text/csv")}, data=fields)


def test_a_lab_report_changes_the_comparison(hardened: Instance) -> None:
    path, batch = "/api/v1/compliance/labs/reports/upload", "BATCH-2026-02-0014"
    answer = upload(hardened, path, CSV.format(9.5), batch_code=batch, lab_name="Central")
    assert (answer.status_code, answer.json()["row_count"]) == (200, 2)
    comparison = hardened.get(f"/api/v1/compliance/batch/{batch}/comparison").json()
    status = {entry["parameter"]: entry["status"] for entry in comparison["comparison"] if entry["market"] == "EU"}
    assert (status["moisture"], status["lead"], status["salmonella"]) == ("fail", "pass", "missing")
    assert comparison["summary"]["total_parameters"] == len(comparison["comparison"])
    readiness = hardened.get(f"/api/v1/compliance/batch/{batch}/export-readiness").json()
    assert (readiness["ready"], readiness["checks"][0]) == (False, {"name": "thresholds", "ok": False})
    assert hardened.get(f"/api/v1/compliance/batch/{BATCH}/comparison").json()["summary"]["compliant"] is True
    assert "moisture" in hardened.get(f"/api/v1/compliance/batch/{batch}/comparison/export.csv", "viewer").text


def test_a_queued_lab_report_is_ingested(hardened: Instance) -> None:
    answer = upload(hardened, "/api/v1/compliance/labs/reports/upload-async", CSV.format(5), batch_code="BATCH-2026-02-0013")
    job = answer.json()["job_id"]
    assert answer.json()["status"] == "queued"
    until(lambda: hardened.sql("select status from ingestion_jobs where job_id = %s", (job,)) == [("completed",)], "the job is completed")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "parameter,value,unit\n",
        CSV.format("x"),
        CSV.format("NaN"),
        CSV.format("1e99"),
        b"\xff\xfe\x00",
        'parameter,value,unit\n"x',
    ],
)
def test_a_bad_lab_report_is_refused(hardened: Instance, text: str | bytes) -> None:
    assert upload(hardened, "/api/v1/compliance/labs/reports/upload", text, batch_code=BATCH).status_code == 422


def test_a_lab_report_of_an_unknown_batch_is_404(hardened: Instance) -> None:
    for path in ("upload", "upload-async"):
        assert upload(hardened, f"/api/v1/compliance/labs/reports/{path}", CSV.format(1), batch_code="BATCH-GHOST").status_code == 404


def test_a_release_takes_two_people(hardened: Instance) -> None:
    base = "/api/v1/compliance/regulatory"
    imported = upload(hardened, f"{base}/releases/import-csv", THRESHOLDS, release_code="US-2026-02", market="US").json()
    release = f"{base}/releases/{imported['release_id']}"
    assert upload(hardened, f"{base}/releases/import-csv", THRESHOLDS, release_code="US-2026-02", market="US").status_code == 409
    assert hardened.post(f"{release}/publish").status_code == 409
    assert hardened.post(f"{release}/approve", "qa").status_code == 409
    assert hardened.post(f"{release}/approve", "admin").json()["status"] == "approved"
    assert hardened.post(f"{release}/approve", "admin").status_code == 409
    published = hardened.post(f"{release}/publish", "qa").json()
    assert (published["status"], published["imported_by"], published["approved_by"]) == ("published", "gate-qa", "gate-admin")
    assert [value["parameter"] for value in hardened.get(release, "viewer").json()["values"]] == ["lead", "moisture"]
    assert hardened.get(f"{release}/coverage", "viewer").json()["coverage_pct"] == 100.0
    active = hardened.get(f"{base}/coverage/active", "viewer").json()["rows"]
    assert {entry["release_code"] for entry in active} == {"EU-2026-01", "US-2026-02"}
    required = hardened.get(f"{base}/coverage/requirements", "viewer").json()["rows"]
    assert {"market": "US", "parameter": "lead", "unit": "mg/kg"} in required


def test_a_score_follows_from_the_data(hardened: Instance) -> None:
    scores = [hardened.post("/api/v1/ai/batch/BATCH-2026-02-0015/score", "qa").json() for _ in range(2)]
    assert [(score["score"], score["risk_level"]) for score in scores] == [(35.0, "medium")] * 2  # a rejected lot of a suspended supplier
    matrix = {entry["batch_code"]: entry["score"] for entry in hardened.get("/api/v1/ai/batch/risk-matrix", "viewer").json()["rows"]}
    assert matrix["BATCH-2026-02-0015"] == 35.0
    assert hardened.get("/api/v1/ai/supplier/heatmap", "ops").json()["rows"][0]["name"] == "Coastal Harvest"


def test_an_outlier_is_an_anomaly(hardened: Instance) -> None:
    for value in [*[10 + number / 10 for number in range(20)], 500]:
        measure(hardened, value, ccp_code="ANOMALY")
    run = hardened.post("/api/v1/ai/anomalies/run", "qa", json={"lookback_hours": 24, "z_threshold": 4, "actor_id": "spoofed"}).json()
    assert (run["anomalous"], run["actor_id"]) == (1, "gate-qa")
    listed = hardened.get("/api/v1/ai/anomalies", "viewer").json()["rows"]
    assert [(entry["metric_value"], entry["detected_by"]) for entry in listed if entry["ccp_code"] == "ANOMALY"] == [(500.0, "gate-qa")]


def test_the_overview_counts(hardened: Instance) -> None:
    overview = hardened.get("/api/v1/dashboard/overview", "viewer").json()
    assert (overview["active_suppliers"], overview["batches"]) == (3, 6)
