"""The whole gate against a real service: what it says of a healthy one, of the deployed one, and of broken ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.run.forwarder import Answer, Asked, Forwarder, same
from tests.run.support import ROOT, TOKENS, clean_environment

LINES = ["Security regression: ", "Go-live acceptance: ", "Release gate: "]
GAPS = {
    "ACC-011", "DB-003", "REC-010", "ERR-002", "ERR-004", "ERR-005", "DOC-001", "RATE-004", "OPEN-trace-full", "OPEN-trace-forward",
    "OPEN-trace-backward", "OPEN-ccp-alerts", "OPEN-ccp-timeline", "OPEN-automation-runs", "OPEN-automation-status", "OPEN-kpi-daily",
    "OPEN-dashboard-overview", "OPEN-compliance-comparison", "OPEN-compliance-export-readiness", "OPEN-ai-anomalies",
}  # fmt: skip


def last_lines(text: str) -> list[str]:
    return text.rstrip("\n").splitlines()[-3:]


def test_healthy_service_is_go(gate: Any, reference: Any) -> None:
    """GO, the three lines, the files, and no more requests than promised."""
    done = gate(reference.settings)
    assert done.status == 0, done.out
    assert last_lines(done.out) == [f"{line}PASS" for line in LINES]
    ts = done.bundle.name
    names = {f"release_gate_{ts}.txt", f"security_regression_{ts}.txt", f"go_live_acceptance_{ts}.json"}
    assert names <= {path.name for path in done.out_dir.iterdir()}
    others = {"journal.jsonl", "result.json", "junit.xml", "signoff.md", "report.html", "suites.html"}
    others |= {"ctrf.json", "findings.sarif", "gl-code-quality.json", "oscal.json", "verify.sh", "VERIFY.md"}
    assert names | others == {path.name for path in (done.bundle / "data").iterdir()}
    schema = json.loads((ROOT / "fixtures" / "schemas" / "result.schema.json").read_text())
    Draft202012Validator(schema).validate(done.result)
    assert set(done.controls.values()) == {"passed", "not_applicable"}
    assert sum(item["safety"] != "burst" for item in done.result["requests"]) <= 350


def test_as_deployed_is_go_under_baseline(gate: Any, as_deployed: Any) -> None:
    """The known gaps are reported and do not block."""
    done = gate(as_deployed.settings)
    assert done.status == 0, done.out
    failed = {key for key, outcome in done.controls.items() if outcome == "failed"}
    assert failed >= GAPS
    assert all(key in done.out for key in GAPS)


def test_as_deployed_is_no_go_under_strict(gate: Any, as_deployed: Any) -> None:
    """Each gap is named, and blocks."""
    done = gate(as_deployed.settings, "--policy", "strict")
    assert done.status == 10
    assert last_lines(done.out)[-1] == "Release gate: FAIL"
    assert {finding["control"] for finding in done.result["findings"]} >= GAPS


def test_reference_is_go_under_strict(gate: Any, reference: Any) -> None:
    """The hardened service has none of the gaps."""
    done = gate(reference.settings, "--policy", "strict")
    assert done.status == 0, done.out


def test_swapped_tokens(gate: Any, reference: Any) -> None:
    """Two roles' tokens exchanged: stopped at once, in one sentence, under the right criterion."""
    swapped = reference.settings | {"QA_TOKEN": reference.settings["VIEWER_TOKEN"], "VIEWER_TOKEN": reference.settings["QA_TOKEN"]}
    done = gate(swapped)
    assert done.status == 10
    assert done.criteria["auth"] == "NO-GO"
    assert "QA_TOKEN to resolve to qa_manager, qa_analyst" in done.err
    assert len(done.result["requests"]) < 12


def test_authentication_off(gate: Any, own_reference: Any) -> None:
    """With authentication switched off nothing is written, and the bypass trigger fires."""
    done = gate(own_reference(AUTH_ENABLED="false").settings)
    assert done.status == 10
    assert done.criteria["auth"] == "NO-GO"
    assert {item["id"]: item["state"] for item in done.result["triggers"]}["auth-bypass"] == "fired"
    assert all(item["method"] == "GET" for item in done.result["requests"])


def test_database_stopped_in_mid_run(gate: Any, own_reference: Any) -> None:
    """The database dies when the recall drill begins: never GO."""
    broken = own_reference()
    stopped = threading.Event()

    def stop(asked: Asked) -> None:
        if "recall/simulate" in asked.target and b"release gate recall drill" in asked.body and not stopped.is_set():
            stopped.set()
            broken.kill_database()

    with Forwarder(broken.settings["BASE_URL"], same, stop) as between:
        done = gate(broken.settings | {"BASE_URL": between.base_url})
    assert stopped.is_set()
    assert done.status in (10, 11)
    assert done.criteria["recall"] != "GO"
    assert done.criteria["errors"] != "GO"
    assert {item["id"]: item["state"] for item in done.result["triggers"]}["recall-unavailable"] == "fired"
    assert ": PASS" not in done.out.splitlines()[-1]


def test_target_dies_in_mid_run(gate: Any, reference: Any) -> None:
    """After a hundred requests nobody answers any more."""
    dead = threading.Event()

    def die(asked: Asked, answer: Answer) -> Any:
        if asked.number > 100:
            dead.set()
        return b"" if dead.is_set() else answer

    with Forwarder(reference.settings["BASE_URL"], die) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status in (10, 11)
    assert "GO" not in set(done.criteria.values())
    assert "Traceback" not in done.everything


def when(path: str, change: Any) -> Any:
    """Change only the answers of that path."""
    return lambda asked, answer: change(asked, answer) if path in asked.target else answer


def instead(old: bytes, new: bytes, times: int = -1) -> Any:
    """Other bytes in the body."""
    return lambda _asked, answer: Answer(answer.status, answer.headers, answer.body.replace(old, new, times))


def became(status: int, body: bytes, of: int) -> Any:
    """Another status and body, where the status was `of`."""
    return lambda _asked, answer: Answer(status, answer.headers, body) if answer.status == of else answer


def plus(header: str, value: Any) -> Any:
    """One more header, made of the request."""
    return lambda asked, answer: Answer(answer.status, [*answer.headers, (header, value(asked))], answer.body)


BROKEN: dict[str, tuple[str, Any]] = {
    "a role too many may read": ("RBAC-audit-events", when("audit/events?limit=1", became(200, b"[]", 403))),
    "a write without a token": ("RBAC-ccp-logs", when("ccp/logs", became(422, b"{}", 401))),
    "everything is 401": ("PRE-002", became(401, b"{}", 200)),
    "a customer is missing": ("REC-005", when("recall/simulate", lambda _, r: Answer(r.status, r.headers, _without_customer(r.body)))),
    "the quantity is wrong": ("REC-003", when("recall", instead(b"650.0", b"560.0"))),
    "a verification that lies about truth": ("AUD-002", when("/verify", instead(b'"valid":true', b'"valid":"true"'))),
    "one byte of a pack": ("AUD-003", when("audit_events.csv", lambda _, r: Answer(r.status, r.headers, r.body[:-2] + b"x\n"))),
    "a stack trace": ("TAP-003", when("kpi", lambda _, r: Answer(r.status, r.headers, r.body + b"\nTraceback (most recent call last)"))),
    "one error in three hundred": ("TAP-001", lambda asked, r: Answer(503, r.headers, b"{}") if asked.number == 120 else r),
    "a reflected origin": ("CORS-002", plus("Access-Control-Allow-Origin", lambda asked: asked.headers.get("Origin", "https://a.example"))),
    "no limit": ("RATE-001", became(404, b"{}", 429)),
    "an automation that fails": ("ACC-008", when("run-daily", instead(b"completed", b"failed", 1))),
    "a token repeated": ("TAP-004", plus("X-Debug", lambda asked: asked.headers.get("Authorization", ""))),
}


def _without_customer(body: bytes) -> bytes:
    answer = json.loads(body)
    if not answer.get("simulation", {}).get("customers"):
        return body
    answer["simulation"]["customers"].pop()
    answer["simulation"]["impacted_customers_count"] -= 1
    return json.dumps(answer).encode()


@pytest.mark.parametrize("fault", BROKEN)
def test_faults_are_named(fault: str, gate: Any, reference: Any) -> None:
    """One fault between the gate and a healthy service: NO-GO, and the control that is meant for it says so."""
    control, change = BROKEN[fault]
    with Forwarder(reference.settings["BASE_URL"], change) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status == 10, done.out
    assert done.controls[control] == "failed"
    assert not any(reference.settings[name] in done.everything for name in TOKENS)


def test_forwarder_itself_changes_nothing(gate: Any, reference: Any) -> None:
    """The positive control of the faults above."""
    with Forwarder(reference.settings["BASE_URL"], same) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status == 0, done.out


def test_checklist_command(reference: Any, tmp_path: Path) -> None:
    """The checklist's section 4, word for word, from a checkout's root; OUT_DIR as the checklist says."""
    out_dir = tmp_path / "storage"
    environment = clean_environment() | {"OUT_DIR": str(out_dir), "BATCH_CODE": "BATCH-2026-02-0012"}
    environment |= {name: reference.settings[name] for name in ("BASE_URL", *TOKENS, "RATE_LIMIT_REQUESTS", "RATE_LIMIT_WINDOW_SECONDS")}
    done = subprocess.run(
        ["./scripts/run_staging_release_gate.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert last_lines(done.stdout) == [f"{line}PASS" for line in LINES]
    names = {path.name for path in out_dir.iterdir() if path.is_file()}
    assert {name.rpartition("_")[0] for name in names - {"index.html"}} == {"release_gate", "security_regression", "go_live_acceptance"}
    assert "index.html" in names


def plain_pytest(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean_environment() | settings, capture_output=True, text=True, timeout=120, check=False)


def test_plain_pytest_without_settings() -> None:
    """One sentence and a usage error, not a row of skips."""
    done = plain_pytest("suites")
    assert done.returncode in (2, 4)
    assert "BASE_URL is not set" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("suite", sorted({path.parent.name for path in (ROOT / "suites").rglob("test_*.py")}))
def test_each_suite_by_plain_pytest(suite: str, reference: Any) -> None:
    """Every folder works by itself; the triggers bring along what they judge."""
    done = plain_pytest(f"suites/{suite}", **reference.settings)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout


def test_all_suites_by_plain_pytest(reference: Any) -> None:
    """All together, the triggers too."""
    done = plain_pytest("suites", **reference.settings)
    assert done.returncode == 0, done.stdout


def test_environment_cannot_deselect(gate: Any, reference: Any) -> None:
    """pytest's own variables change nothing about a run with a verdict."""
    done = gate(reference.settings | {"PYTEST_ADDOPTS": "-k nothing --co -x", "PYTEST_PLUGINS": "no_such_plugin"})
    assert done.status == 0, done.err
    assert os.environ.get("PYTEST_ADDOPTS") is None


def test_runs_in_quick_succession(gate: Any, reference: Any, own_reference: Any, tmp_path: Path) -> None:
    """A run that finds its own predecessor's requests still counted waits for the window to pass, and comes to a verdict."""
    first = gate(reference.settings | {"OUT_DIR": str(tmp_path / "first")})
    busiest = Counter(item["target"].split("?")[0] for item in first.result["requests"] if item["safety"] != "burst").most_common(1)[0][1]
    # Enough for one run, with the share that the gate keeps free, and not for two in one window.
    busy = own_reference(RATE_LIMIT_REQUESTS=str(int(busiest / 0.8) + 5), RATE_LIMIT_WINDOW_SECONDS="20").settings
    done = [gate(busy | {"OUT_DIR": str(tmp_path / f"run-{number}")}) for number in range(2)]
    assert [item.status for item in done] == [0, 0], [item.out for item in done if item.status]
    assert any(item["status"] == 429 and item["safety"] != "burst" for item in done[1].result["requests"])
