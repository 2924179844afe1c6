"""The audit chain and the packs cut from it."""

import csv
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.reference_service.instances import BATCH, GHOST, Instance

COLUMNS = ["audit_id", "event_time", "actor_id", "action_type", "entity_type", "entity_id", "prev_hash", "event_hash", "payload_json"]


def pack(service: Instance, **body: Any) -> dict[str, Any]:
    answer = service.post("/api/v1/audit/packs/generate", "qa", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def download(service: Instance, pack_id: str, name: str) -> bytes:
    answer = service.get(f"/api/v1/audit/packs/{pack_id}/download/{name}", "viewer")
    assert answer.status_code == 200
    return answer.content


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_pack_holds_together(hardened: Instance) -> None:
    hardened.post("/api/v1/recall/simulate", json={"batch_code": BATCH})
    made = pack(hardened, limit=50, notes="round trip")
    files = {name: download(hardened, made["pack_id"], name) for name in ("audit_events.csv", "manifest.json", "checksums.json")}
    manifest, checksums = json.loads(files["manifest.json"]), json.loads(files["checksums.json"])
    assert checksums == {name: sha256(files[name]) for name in ("audit_events.csv", "manifest.json")}
    assert (made["manifest_hash"], made["checksums_hash"]) == (sha256(files["manifest.json"]), sha256(files["checksums.json"]))
    assert {name: manifest[name] for name in ("pack_id", "created_by", "row_count", "notes")} == {
        "pack_id": made["pack_id"],
        "created_by": "gate-qa",
        "row_count": made["row_count"],
        "notes": "round trip",
    }
    rows = list(csv.reader(io.StringIO(files["audit_events.csv"].decode())))
    assert rows[0] == COLUMNS
    assert len(rows) - 1 == made["row_count"]
    assert [row[1] for row in rows[1:]] == sorted((row[1] for row in rows[1:]), reverse=True)


def test_a_pack_verifies_and_leaves_its_events(hardened: Instance) -> None:
    made = pack(hardened)
    verified = hardened.post(f"/api/v1/audit/packs/{made['pack_id']}/verify", "viewer").json()
    assert verified.pop("verified_at")
    assert verified == {"pack_id": made["pack_id"], "valid": True, "missing_files": [], "mismatches": [], "verified_by": "gate-viewer"}
    events = hardened.get(f"/api/v1/audit/events?entity_type=audit_pack&entity_id={made['pack_id']}").json()["rows"]
    assert [(event["action_type"], event["actor_id"]) for event in events] == [
        ("AUDIT_PACK_VERIFIED", "gate-viewer"),
        ("AUDIT_PACK_GENERATED", "gate-qa"),
    ]
    assert hardened.get("/api/v1/audit/packs?limit=1").json()["rows"][0]["pack_id"] == made["pack_id"]
    assert hardened.get(f"/api/v1/audit/events/{events[0]['audit_id']}").json() == events[0]


@pytest.mark.parametrize("name", ["audit_events.csv", "manifest.json", "checksums.json"])
def test_a_changed_file_is_seen(hardened: Instance, name: str) -> None:
    made = pack(hardened)
    file = hardened.storage / made["folder_path"] / name
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    verified = hardened.post(f"/api/v1/audit/packs/{made['pack_id']}/verify", "viewer").json()
    assert (verified["valid"], verified["missing_files"]) == (False, [])
    assert name in {mismatch["file"] for mismatch in verified["mismatches"]}
    file.unlink()
    assert hardened.post(f"/api/v1/audit/packs/{made['pack_id']}/verify", "viewer").json()["missing_files"] == [name]
    assert hardened.get(f"/api/v1/audit/packs/{made['pack_id']}/download/{name}", "viewer").status_code == 404


def test_filters_select(hardened: Instance) -> None:
    hardened.post("/api/v1/recall/simulate", "ops", json={"batch_code": BATCH})
    made = pack(hardened, action_type="RECALL_SIMULATED", actor_id="gate-ops", limit=1)
    rows = list(csv.DictReader(io.StringIO(download(hardened, made["pack_id"], "audit_events.csv").decode())))
    assert [(row["action_type"], row["actor_id"], row["entity_id"]) for row in rows] == [("RECALL_SIMULATED", "gate-ops", BATCH)]


def test_only_the_three_files_can_be_downloaded(hardened: Instance) -> None:
    made = pack(hardened)
    for name in ("passwd", "..%2fmanifest.json", "manifest.json%00", "MANIFEST.JSON", ".", "%2e%2e"):
        assert hardened.get(f"/api/v1/audit/packs/{made['pack_id']}/download/{name}").status_code == 404


@pytest.mark.parametrize("pack_id", [GHOST, "not-a-uuid", "%00", "1", "a" * 300])
def test_an_unknown_pack_is_404(hardened: Instance, pack_id: str) -> None:
    assert hardened.post(f"/api/v1/audit/packs/{pack_id}/verify", "viewer").status_code == 404


def test_a_formula_in_the_trail_is_no_formula_in_the_csv(hardened: Instance) -> None:
    hardened.sql("update audit_logs set actor_id = '=1+1' where action_type = 'SEED_LOADED'")
    try:
        text = hardened.get("/api/v1/audit/events/export.csv?action_type=SEED_LOADED", "viewer").text
    finally:
        hardened.sql("update audit_logs set actor_id = 'seed' where action_type = 'SEED_LOADED'")
    assert ",'=1+1," in text


def chain(service: Instance) -> list[tuple[str | None, str]]:
    """The links in the order in which they were made."""
    return [(prev, own) for prev, own in service.sql("select prev_hash, event_hash from audit_logs order by chain_seq")]


def test_the_chain_does_not_fork_under_concurrent_writers(hardened: Instance) -> None:
    token, url = hardened.token("qa"), hardened.url

    def write(number: int) -> list[int]:
        with requests.Session() as session:
            session.headers["X-API-Key"] = token
            body = {"batch_code": BATCH, "reason": f"writer {number}"}
            allowed = [session.post(f"{url}/api/v1/recall/simulate", json=body, timeout=20).status_code for _ in range(6)]
            return [*allowed, session.post(f"{url}/api/v1/automation/run-daily", timeout=20).status_code]

    before = len(chain(hardened))
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(write, range(20)))
    links = chain(hardened)
    assert statuses == [[200] * 6 + [403]] * 20
    assert len(links) - before >= 140
    assert links[0][0] is None
    assert [prev for prev, _ in links[1:]] == [own for _, own in links[:-1]]
    assert len({own for _, own in links}) == len(links)


def test_event_times_rise_along_the_chain(hardened: Instance) -> None:
    times = [at for (at,) in hardened.sql("select event_time from audit_logs order by chain_seq")]
    assert times == sorted(set(times))
