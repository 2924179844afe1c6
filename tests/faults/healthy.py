"""A healthy service in a few lines, without a socket: what faults are tried on one by one."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from faults.forge import digest
from faults.http1 import response_bytes
from faults.model import Headers, Request, Response
from faults.profile import Profile
from faults.upstream import Shared, Upstream

TOKENS = {name: f"{name}-{'t0Ken' * 6}" for name in ("admin", "qa", "ops", "viewer")} | {"revoked": "revoked-" + "r" * 24}
LIMIT = 110
PACK = "5a0e0000-0000-4000-8000-000000000001"
EVENTS = [f"5a0d0000-0000-4000-8000-0000000000{number:02d}" for number in range(12)]
RUN = "5a070000-0000-4000-8000-000000000009"
NOW = "2026-11-24T10:00:00+00:00"
BATCH = "BATCH-2026-02-0012"


def event(number: int) -> dict[str, Any]:
    """One audit event; the first is the newest."""
    action = {0: "AUDIT_PACK_VERIFIED", 1: "AUDIT_PACK_GENERATED", 11: "CCP_LOG_INGESTED"}.get(number, "ACCESS_DENIED")
    moment = "2026-11-24" if number < 6 else "2026-11-20"
    return {
        "audit_id": EVENTS[number],
        "event_time": f"{moment}T10:00:{59 - number:02d}+00:00",
        "actor_id": "gate-qa",
        "action_type": action,
        "entity_type": "audit_pack",
        "entity_id": PACK if number < 2 else "endpoint",
        "prev_hash": digest(str(number + 1).encode()),
        "event_hash": digest(str(number).encode()),
        "payload": {"request_id": "run-7", "legal": True, "reason": "Rückruf"},
    }


def files() -> dict[str, bytes]:
    """A pack that fits together."""
    names = ["audit_id", "event_time", "actor_id", "action_type", "entity_type", "entity_id", "prev_hash", "event_hash"]
    rows = [",".join([*(str(event(number)[name]) for name in names), '"{""a"":1}"']) for number in range(12)]
    events = ("\r\n".join([",".join([*names, "payload_json"]), *rows]) + "\r\n").encode()
    about = {"pack_id": PACK, "row_count": 12, "notes": "gate", "generated_at": NOW, "created_by": "gate-qa", "filters": {"limit": 1}}
    manifest = json.dumps(about | {"files": [], "disclaimer": "no legal certificate"}, indent=2).encode()
    sums = json.dumps({"audit_events.csv": digest(events), "manifest.json": digest(manifest)}, indent=2).encode()
    return {"audit_events.csv": events, "manifest.json": manifest, "checksums.json": sums}


FILES = files()
REPORTED = {
    "pack_id": PACK,
    "row_count": 12,
    "created_by": "gate-qa",
    "manifest_hash": digest(FILES["manifest.json"]),
    "checksums_hash": digest(FILES["checksums.json"]),
}
CUSTOMERS = [{"customer_id": str(number), "name": f"Customer {number}", "customer_type": "retailer"} for number in (1, 2)]
SUPPLIERS = [{"supplier_id": str(number), "name": f"Supplier {number}"} for number in (1, 2)]
BACKWARD = {"suppliers": SUPPLIERS, "raw_material_lots": [{"rm_lot_id": "1"}, {"rm_lot_id": "2"}]}
FORWARD = {"finished_lots": [{"finished_id": "1"}], "customers": CUSTOMERS}
COUNTS = {"impacted_customers_count": 2, "impacted_qty": 650.0, "suppliers_count": 2, "finished_lots_count": 1}
TODAY = datetime.now(UTC).date()  # faults about today's figures need some
KPI = {"supplier_risk_coverage_pct": 66.67, "batch_compliance_auto_validation_pct": "20.00", "avg_recall_trace_time_ms": "2.00"}
KPI |= {"avg_audit_report_gen_time_sec": "0.02", "quality_deviation_rate": "0.1667"}
SUMMARY = {"total_parameters": 1, "compliant": False}
CYCLE = {
    "run_id": RUN,
    "run_type": "DAILY_CYCLE",
    "status": "completed",
    "started_at": NOW,
    "completed_at": NOW,
    "actor_id": "gate-ops",
    "summary": KPI,
}
GOOD: dict[str, Any] = {
    "health": {"status": "ok"},
    "recall": {"simulation": {"batch_code": BATCH, **COUNTS, "customers": CUSTOMERS}, "note": ""},
    "trace.full": {"batch_code": BATCH, "backward": BACKWARD, "forward": FORWARD},
    "trace.forward": {"batch_code": BATCH, "forward": FORWARD},
    "trace.backward": {"batch_code": BATCH, "backward": BACKWARD},
    "compliance": {"batch_code": BATCH, "comparison": [{"parameter": "moisture", "status": "missing"}], "summary": SUMMARY},
    "ccp": {"ccp_log_id": "1", "within_limits": True, "alert_id": None},
    "ccp-alerts": {"rows": [{"alert_id": "1"}]},
    "ccp-timeline": {"rows": [{"id": "1", "metric_value": 60.375, "at": NOW}, {"id": "2"}]},
    "score": {"batch_code": BATCH, "score": 12.5},
    "anomalies": {"found": 0},
    "dashboard-overview": {"open_alerts": 1},
    "kpi": {"rows": [{"kpi_date": str(TODAY), **KPI}, {"kpi_date": str(TODAY - timedelta(days=1)), **KPI}]},
    "cycle.trigger": {**CYCLE, "error_message": None},
    "cycle.trigger-async": {"status": "queued", "message": "", "actor_id": "gate-ops"},
    "cycle.runs": {"rows": [{**CYCLE, "error_message": None}]},
    "cycle.status": {"daily_cycle_running": False, "running_run": None, "last_run": CYCLE},
    "pack.generate": REPORTED,
    "pack.verify": {
        "pack_id": PACK,
        "valid": True,
        "missing_files": [],
        "mismatches": [],
        "verified_by": "gate-viewer",
        "verified_at": NOW,
    },
    "pack.list": {"rows": [REPORTED] * 30},
}


class Healthy:
    """Answers requests as the profile says a healthy service does."""

    def __init__(self) -> None:
        self.shared = Shared(Profile(), TOKENS, (), "healthy.example:80", random.Random(1))  # noqa: S311 - reproducible dice
        self.shared.in_flight = 9
        self._asked: dict[str, int] = {}

    async def send(self, ask: Request) -> Response:
        """One answer, as if it had come over the wire."""
        sane = re.fullmatch(r"[\w.-]{1,128}", ask.header("x-request-id"))
        answer = self._answer(ask if sane else ask.saying("X-Request-ID", "our-own"))
        answer = answer.but(headers=(*answer.headers, ("X-Frame-Options", "DENY"), *_cors(ask)))
        return replace(answer, wire=response_bytes(answer, ask.method))

    def _answer(self, ask: Request) -> Response:
        profile, up = self.shared.profile, Upstream(self.shared, self.send)
        path = ask.path
        places = profile.places(ask.method, path)
        if "/gate-burst/" in path and not path.startswith("//"):
            self._asked[path] = self._asked.get(path, 0) + 1
            return self._limited(ask, up) if self._asked[path] > LIMIT else up.error(ask, 404)
        if ask.method == "OPTIONS":
            return up.answer(ask, 200 if ask.header("origin") in up.origins else 400, b"OK", "text/plain")
        if not places:
            return up.error(ask, 405 if profile.places("GET", path) or profile.places("POST", path) else 404)
        refused = self._refused(ask, up, places)
        return refused or self._good(ask, up, places)

    def _limited(self, ask: Request, up: Upstream) -> Response:
        answer = up.error(ask, 429, "rate_limit_exceeded", retry_after="30")
        body = answer.json()
        body["error"]["retry_after_seconds"] = 30
        return answer.holding(body)

    def _refused(self, ask: Request, up: Upstream, places: frozenset[str]) -> Response | None:
        ask = Request(ask.method, ask.target, ask.headers, ask.body, places=places)
        who = up.who(ask)
        if up.protected(ask) and (who is None or len(ask.values("authorization")) > 1):
            return up.refusal(ask)
        return up.error(ask, 403) if up.denied(ask) else None

    def _good(self, ask: Request, up: Upstream, places: frozenset[str]) -> Response:
        given = ask.json() if ask.body else {}
        if ask.method == "POST" and (given is None or not isinstance(given, dict) or _bad(given, places) or "json" not in _kind(ask)):
            return up.error(ask, 422, "validation_error")
        if "ghost" in ask.target.lower() or "GHOST" in str(given) or ask.target.endswith("/ack"):
            return up.error(ask, 404)
        if any(place.startswith("trace") for place in places) and BATCH not in ask.target:
            return up.error(ask, 404)
        if "whoami" in places:
            who = up.who(ask) or ""
            user = {"user_id": f"gate-{who}", "roles": up.profile.get(f"identities.{who}.roles"), "token_source": _source(ask)}
            return up.says(ask, 200, {"auth_enabled": True, "user": user})
        if places & {"events", "events.csv", "event", "pack.download"}:
            return self._audit(ask, up, places)
        name = next((place for place in places if place in GOOD), None)
        found = GOOD[name] if name else {"rows": []}
        if "trace.full" in places and f"{BATCH}X" in ask.target:  # another batch, of which nothing was sent out
            found = {"batch_code": f"{BATCH}X", "backward": BACKWARD, "forward": FORWARD | {"customers": []}}
        return up.says(ask, 200, found)

    def _audit(self, ask: Request, up: Upstream, places: frozenset[str]) -> Response:
        if "pack.download" in places:
            found = FILES.get(ask.path.split("/")[-1])
            if found is None:
                return up.error(ask, 404)
            kind = "text/csv" if ask.path.endswith("csv") else "application/json"
            answer = up.answer(ask, 206 if ask.header("range") else 200, found[-1:] if ask.header("range") else found, kind)
            return answer.adding("content-disposition", "attachment")
        if "events.csv" in places:
            return up.answer(ask, 200, FILES["audit_events.csv"], "text/csv; charset=utf-8").adding("content-disposition", "attachment")
        if "event" in places:
            return up.says(ask, 200, event(0))
        text = ask.query.get("limit", "100")
        if not text.isdigit() or not 1 <= int(text) <= 1000:
            return up.error(ask, 422, "validation_error")
        return up.says(ask, 200, {"rows": [event(number) for number in range(min(12, int(text)))], "count": min(12, int(text))})


def _kind(ask: Request) -> str:
    return ask.header("content-type") or "json" * (not ask.body)


def _bad(given: dict[str, Any], places: frozenset[str]) -> bool:
    wants_body = any(fnmatchcase(place, pattern) for place in places for pattern in ("lab-*", "regulatory-import-csv"))
    return wants_body or any(isinstance(value, list) for value in given.values()) or given.get("limit") == 0


def _source(ask: Request) -> str:
    return "authorization" if ask.header("authorization") else "x-api-key"


def _cors(ask: Request) -> Headers:
    if ask.header("origin") != "https://ops.example.com":
        return (("access-control-allow-credentials", "true"),) if ask.header("origin") else ()
    return (("access-control-allow-origin", ask.header("origin")), ("access-control-allow-credentials", "true"))
