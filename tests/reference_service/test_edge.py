"""What every request meets: ids, headers, envelopes, CORS, the rate limit, and input that wants to break something."""

import http.client
import re
import time
from urllib.parse import urlsplit

import pytest

from tests.reference_service.instances import BATCH, Instance

FRESH_ID = re.compile(r"[0-9a-f]{32}")
ORIGIN = "https://ops.example.com"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}


@pytest.mark.parametrize("path", ["/health", "/ops", "/", "/nowhere", "/api/v1/auth/whoami", "/api/v1/kpi/daily", "/api/v1/nowhere"])
@pytest.mark.parametrize("identity", [None, "admin"])
def test_every_answer_has_an_id_and_the_security_headers(hardened: Instance, path: str, identity: str | None) -> None:
    answer = hardened.get(path, identity, headers={"X-Request-ID": "gate.run-1_A"})
    assert answer.headers["X-Request-ID"] == "gate.run-1_A"
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Vary"] == "Origin"
    assert "Server" not in answer.headers
    if answer.status_code >= 400:
        assert answer.json()["error"]["request_id"] == "gate.run-1_A"


@pytest.mark.parametrize("value", ["", "a" * 129, "a b", "<script>", "\xfc", "a\tb", "{}", "../x"])
def test_an_insane_request_id_is_replaced(hardened: Instance, value: str) -> None:
    answer = hardened.get("/health", None, headers={"X-Request-ID": value.encode("latin-1")})
    assert FRESH_ID.fullmatch(answer.headers["X-Request-ID"])


def test_ids_are_fresh(hardened: Instance) -> None:
    assert len({hardened.get("/health", None).headers["X-Request-ID"] for _ in range(20)}) == 20


def test_unrouted_and_wrong_methods_answer_the_envelope(hardened: Instance) -> None:
    unrouted, method = hardened.get("/api/v1/nowhere"), hardened.call("DELETE", "/api/v1/auth/whoami", "admin")
    assert (unrouted.status_code, unrouted.json()["error"]["code"]) == (404, "http_error")
    assert (method.status_code, method.json()["error"]["code"], method.headers["Allow"]) == (405, "http_error", "GET")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_no_documentation(hardened: Instance, path: str) -> None:
    assert hardened.get(path, None).status_code == 404


def test_a_trailing_slash_is_another_path(hardened: Instance) -> None:
    assert hardened.get("/api/v1/kpi/daily/").status_code == 404


def preflight(service: Instance, origin: str) -> "tuple[int, str | None]":
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = service.call("OPTIONS", "/api/v1/recall/simulate", headers=headers)
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


def test_preflight_knows_its_origin(hardened: Instance) -> None:
    assert preflight(hardened, ORIGIN) == (200, ORIGIN)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://ops.example.com", ORIGIN + ".evil.example", ORIGIN + ":444", "https://opsXexample.com"],
)
def test_no_other_origin(hardened: Instance, origin: str) -> None:
    assert preflight(hardened, origin) == (400, None)
    simple = hardened.get("/api/v1/auth/whoami", headers={"Origin": origin, "Cookie": "a=b"})
    assert (simple.status_code, simple.headers.get("Access-Control-Allow-Origin"), simple.headers["Vary"]) == (200, None, "Origin")


def test_a_refusal_is_readable_for_the_allowed_origin(hardened: Instance) -> None:
    answer = hardened.get("/api/v1/auth/whoami", None, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


def test_the_limit_is_exact_and_comes_before_authentication(hardened: Instance) -> None:
    path = "/api/v1/limiter-exactness"
    statuses = [hardened.get(path, None).status_code for _ in range(300)]
    refused = hardened.get(path, headers={"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Request-ID": "limited-1"})
    assert statuses == [404] * 300
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert refused.json()["error"]["retry_after_seconds"] == int(refused.headers["Retry-After"])
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert (refused.headers["X-Request-ID"], refused.json()["error"]["request_id"]) == ("limited-1", "limited-1")
    assert {name: refused.headers.get(name) for name in HEADERS} == HEADERS
    assert hardened.get(path + "-other", None).status_code == 404


def test_health_is_exempt(hardened: Instance) -> None:
    assert {hardened.get("/health", None).status_code for _ in range(320)} == {200}


NASTY_BODIES = [
    b'{"batch_code": "BATCH\\u0000X"}',
    b'{"batch_code": "\\ud800"}',
    b'{"\\ud800": 1, "batch_code": []}',
    b'{"batch_code": "' + b"A" * 100_000 + b'"}',
    b"[" * 50_000,
    b'{"batch_code": ' + b"9" * 10_000 + b"}",
    b'{"batch_code": NaN}',
    b"null",
    b"\xff\xfe",
    b'{"batch_code": "BATCH-2026-02-0012", "reason": "\\u0000"}',
    b'{"batch_code": "BATCH-2026-02-0012", "reason": "\\udfff"}',
]


@pytest.mark.parametrize("body", NASTY_BODIES, ids=range(len(NASTY_BODIES)))
def test_no_body_breaks_it(hardened: Instance, body: bytes) -> None:
    answer = hardened.post("/api/v1/recall/simulate", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["code"] in ("http_error", "validation_error")


NASTY_PATHS = [
    "/api/v1/trace/batch/%00/full",
    "/api/v1/trace/batch/%ff%fe/forward",
    "/api/v1/trace/batch/" + "A" * 5000 + "/backward",
    "/api/v1/ccp/batch/%00/timeline",
    "/api/v1/compliance/batch/a%00b/comparison",
    "/api/v1/compliance/batch/%ED%A0%80/export-readiness",
    "/api/v1/audit/events/not-a-uuid",
    "/api/v1/audit/events/%00",
    "/api/v1/audit/packs/not-a-uuid/download/checksums.json",
    "/api/v1/audit/packs/not-a-uuid/download/..%2f..%2fetc%2fpasswd",
    "/api/v1/compliance/regulatory/releases/not-a-uuid",
    "/api/v1/audit/events?limit=0",
    "/api/v1/audit/events?limit=1001",
    "/api/v1/audit/events?limit=" + "9" * 5000,
    "/api/v1/audit/events?actor_id=%00",
    "/api/v1/audit/events?from_ts=0001-01-01T00:00:00Z",
    "/api/v1/audit/events?from_ts=9999-12-31T23:59:59-14:00",
    "/api/v1/audit/events?from_ts=2026-02-02T00:00:00Z&to_ts=2026-02-01T00:00:00Z",
    "/api/v1/audit/events/export.csv?limit=10001",
    "/api/v1/ccp/alerts?status=nonsense",
    "/api/v1/ccp/alerts?limit=-1",
    "/api/v1/automation/runs?limit=1e9",
]


@pytest.mark.parametrize("path", NASTY_PATHS, ids=range(len(NASTY_PATHS)))
def test_no_path_breaks_it(hardened: Instance, path: str) -> None:
    assert hardened.get(path).status_code in (404, 422)


@pytest.mark.parametrize("value", ["1e400", "NaN", "-Infinity", "1e9", "-1e15", '"x"', "[]", "true_", "null"])
def test_no_measurement_breaks_it(hardened: Instance, value: str) -> None:
    head = (
        f'{{"batch_code": "{BATCH}", "ccp_code": "DRYING", "metric_name": "temperature", "unit": "C", "measured_at": "2026-02-03T00:00:00Z"'
    )
    body = f'{head}, "metric_value": {value}}}'
    answer = hardened.post("/api/v1/ccp/logs", "qa", data=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_a_validation_error_does_not_quote_the_input(hardened: Instance) -> None:
    answer = hardened.post("/api/v1/recall/simulate", json={"batch_code": ["hunter2"], "reason": {"hunter2": "hunter2"}})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
    assert {detail["location"] for detail in answer.json()["error"]["details"]} == {"body.batch_code", "body.reason"}


def test_a_large_body_is_refused_announced_or_not(hardened: Instance) -> None:
    assert hardened.post("/api/v1/recall/simulate", data=b"x" * 3_000_000).status_code == 413
    chunks = (b"x" * 100_000 for _ in range(30))
    streamed = hardened.post("/api/v1/recall/simulate", data=chunks, headers={"Content-Type": "application/json"})
    assert streamed.status_code == 413


def test_answers_are_not_delayed(hardened: Instance) -> None:
    """Nagle's algorithm on one side and delayed acknowledgement on the other cost 40 ms an answer."""
    where = urlsplit(hardened.url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=5)
    started = time.perf_counter()
    for _ in range(20):
        connection.request("GET", "/health")
        connection.getresponse().read()
    connection.close()
    assert time.perf_counter() - started < 0.6
