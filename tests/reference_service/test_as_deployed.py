"""`--as-deployed`: every gap of the deployed service is there, and what works there works here."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.reference_service.instances import BATCH, Instance, until


def test_reads_are_open(deployed: Instance) -> None:
    paths = ("trace/batch/" + BATCH + "/full", "kpi/daily", "automation/runs", "automation/status", "ccp/alerts", "dashboard/overview")
    assert {deployed.get(f"/api/v1/{path}", None).status_code for path in paths} == {200}


def test_documentation_is_open(deployed: Instance) -> None:
    assert {deployed.get(path, None).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {200}
    assert "/api/v1/recall/simulate" in deployed.get("/openapi.json", None).json()["paths"]


def test_a_request_id_is_echoed_as_it_came(deployed: Instance) -> None:
    assert deployed.get("/health", None, headers={"X-Request-ID": "a b <c>"}).headers["X-Request-ID"] == "a b <c>"
    assert deployed.get("/health", None).headers["X-Request-ID"]


def test_a_pack_id_that_is_no_uuid_is_a_500_without_request_id(deployed: Instance) -> None:
    answer = deployed.post("/api/v1/audit/packs/not-a-uuid/verify", "viewer")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_server_error")
    assert "X-Request-ID" not in answer.headers


def test_a_429_has_no_request_id(deployed: Instance) -> None:
    statuses = [deployed.get("/api/v1/limited", None).status_code for _ in range(300)]
    refused = deployed.get("/api/v1/limited", None)
    assert statuses == [404] * 300
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert "X-Request-ID" not in refused.headers


def test_the_actor_is_taken_on_trust(deployed: Instance) -> None:
    queued = deployed.post("/api/v1/automation/run-daily-async?actor_id=mallory", "ops").json()
    assert queued["actor_id"] == "mallory"
    ended = "select count(*) from automation_runs where actor_id = 'mallory' and status = 'completed'"
    until(lambda: deployed.sql(ended) == [(1,)], "mallory's cycle completed")


def test_an_unknown_batch_is_recalled_with_zeros(deployed: Instance) -> None:
    answer = deployed.post("/api/v1/recall/simulate", "viewer", json={"batch_code": "BATCH-GHOST"})
    simulation = answer.json()["simulation"]
    assert answer.status_code == 200
    assert simulation == {
        "batch_code": "BATCH-GHOST",
        "impacted_customers_count": 0,
        "impacted_qty": 0.0,
        "suppliers_count": 0,
        "finished_lots_count": 0,
        "customers": [],
    }


def test_an_unrouted_path_has_no_envelope(deployed: Instance) -> None:
    answer = deployed.get("/api/v1/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_the_two_indexes_are_missing(deployed: Instance) -> None:
    names = {name for (name,) in deployed.sql("select indexname from pg_indexes")}
    assert names.isdisjoint({"finished_products_batch_id", "batch_material_map_rm_lot_id"})
    assert "dispatch_records_finished_id" in names


def test_a_422_may_quote_the_input_in_its_envelope(deployed: Instance) -> None:
    answer = deployed.post("/api/v1/recall/simulate", json={"batch_code": ["quoted"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")
    assert "quoted" in answer.text


def test_no_security_headers_and_no_audit_of_refusals(deployed: Instance) -> None:
    answer = deployed.get("/api/v1/audit/events", "ops")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "http_error")
    assert "Cache-Control" not in answer.headers
    assert "X-Content-Type-Options" not in answer.headers
    assert deployed.sql("select count(*) from audit_logs where action_type = 'ACCESS_DENIED'") == [(0,)]


def test_roles_packs_and_links_work_all_the_same(deployed: Instance) -> None:
    made = deployed.post("/api/v1/audit/packs/generate", "qa", json={}).json()
    assert deployed.post(f"/api/v1/audit/packs/{made['pack_id']}/verify", "viewer").json()["valid"] is True
    assert deployed.post("/api/v1/audit/packs/generate", "viewer", json={}).status_code == 403


def test_the_chain_may_fork_but_no_link_dangles(deployed: Instance) -> None:
    headers = {"X-API-Key": deployed.token("qa")}

    def write(_: int) -> int:
        with requests.Session() as session:
            body = {"batch_code": BATCH}
            return max(
                session.post(f"{deployed.url}/api/v1/recall/simulate", json=body, headers=headers, timeout=20).status_code for _ in range(8)
            )

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(write, range(20))) == {200}
    links = deployed.sql("select prev_hash, event_hash from audit_logs")
    hashes = {own for _, own in links}
    assert {prev for prev, _ in links if prev} <= hashes
    assert len({prev for prev, _ in links}) < len(links), "160 writes at once without one fork"
