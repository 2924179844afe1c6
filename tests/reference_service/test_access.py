"""Who may call what: every endpoint of the profile, with every identity and with none."""

import tomllib
from typing import Any

import pytest

from tests.reference_service.instances import BATCH, FIXTURES, GHOST, Instance

PROFILE = tomllib.loads((FIXTURES / "profiles" / "supply_intel.toml").read_text())
ENDPOINTS = {endpoint["id"]: endpoint for endpoint in PROFILE["endpoints"]}
ROLES = {name: set(identity["roles"]) for name, identity in PROFILE["identities"].items()}
IDENTITIES = (None, *ROLES)
PLACES = {"{batch_code}": BATCH, "{ghost_uuid}": GHOST, "{ghost_batch}": "BATCH-GHOST"}


def call(service: Instance, endpoint: dict[str, Any], identity: str | None) -> int:
    path = endpoint["path"]
    for place, value in PLACES.items():
        path = path.replace(place, value)
    body = endpoint.get("probe", {}).get("body")
    return service.call(endpoint["method"], path, identity, **({} if body is None else {"json": body})).status_code


def may(endpoint: dict[str, Any], identity: str | None, *, open_reads: bool) -> bool:
    allow = endpoint["allow"]
    if allow == "public" or (allow == "open" and open_reads):
        return True
    if identity is None:
        return False
    return allow in ("open", "any") or "admin" in ROLES[identity] or not ROLES[identity].isdisjoint(allow)


def expected(endpoint: dict[str, Any], identity: str | None, *, open_reads: bool) -> set[int]:
    if may(endpoint, identity, open_reads=open_reads):
        return set(endpoint.get("probe", {}).get("allowed", [200]))
    return {401} if identity is None else {403}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_hardened_matrix(hardened: Instance, name: str, identity: str | None) -> None:
    assert call(hardened, ENDPOINTS[name], identity) in expected(ENDPOINTS[name], identity, open_reads=False)


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_as_deployed_matrix(deployed: Instance, name: str, identity: str | None) -> None:
    assert call(deployed, ENDPOINTS[name], identity) in expected(ENDPOINTS[name], identity, open_reads=True)


def test_whoami_names_user_roles_and_header(hardened: Instance) -> None:
    bearer = hardened.get("/api/v1/auth/whoami", "qa").json()
    key = hardened.get("/api/v1/auth/whoami", None, headers={"X-API-Key": hardened.token("qa")}).json()
    assert bearer == {
        "auth_enabled": True,
        "user": {"user_id": "gate-qa", "roles": ["qa_analyst", "qa_manager"], "token_source": "authorization"},
    }
    assert key["user"] == {**bearer["user"], "token_source": "x-api-key"}


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic {}", "Bearer x{}", "Bearer {}x", "Bearer {} {}", "{}", "Bearer ü", "Bearer \xff\xfe", "Token {}"],
)
def test_no_other_credential_is_taken(hardened: Instance, value: str) -> None:
    header = value.replace("{}", hardened.token("admin")).encode("latin-1")
    assert hardened.get("/api/v1/auth/whoami", None, headers={"Authorization": header}).status_code == 401


def test_scheme_has_no_case(hardened: Instance) -> None:
    assert hardened.get("/api/v1/auth/whoami", None, headers={"Authorization": f"bEaReR {hardened.token('ops')}"}).status_code == 200


def test_bad_bearer_is_not_rescued_by_a_good_key(hardened: Instance) -> None:
    headers = {"Authorization": "Bearer wrong", "X-API-Key": hardened.token("admin")}
    assert hardened.get("/api/v1/auth/whoami", None, headers=headers).status_code == 401


def test_write_needs_a_token_before_anything_else(hardened: Instance) -> None:
    for path, body in (("/api/v1/recall/simulate", b"{"), ("/api/v1/nowhere", b""), ("/api/v1/audit/packs/generate", b'{"limit": 0}')):
        answer = hardened.post(path, None, data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication_required")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_role_is_decided_before_the_body(hardened: Instance) -> None:
    for body in (b"{", b'{"limit": 0}', b""):
        answer = hardened.post("/api/v1/audit/packs/generate", "viewer", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 403


def test_refused_calls_are_in_the_audit_trail(hardened: Instance) -> None:
    refused = [
        hardened.get("/api/v1/audit/events", None),
        hardened.post("/api/v1/automation/run-daily", "viewer"),
        hardened.post("/api/v1/x", None),
    ]
    ids = {answer.headers["X-Request-ID"]: answer.status_code for answer in refused}
    events = hardened.get("/api/v1/audit/events?action_type=ACCESS_DENIED&limit=1000").json()["rows"]
    found = {event["payload"]["request_id"]: (event["payload"]["status"], event["actor_id"]) for event in events}
    assert [found[name] for name in ids] == [(401, "anonymous"), (403, "gate-viewer"), (401, "anonymous")]
