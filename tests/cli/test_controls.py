"""The catalogue needs nothing of a deployment, holds exactly what a run plans, and no secret."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ("ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN")
OFFLINE = """
import socket, sys

def refuse(*_, **__):
    raise AssertionError("the catalogue used the network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from gate.cli.main import main
main(prog_name="gate")
"""


def call(
    *arguments: str, code: str | None = None, folder: Path = ROOT, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command as a user has it who has set nothing but these variables."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "gate"]), *arguments]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | (variables or {})
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def listed() -> list[dict[str, Any]]:
    """Every control, as programs get it."""
    done = call("controls", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    controls: list[dict[str, Any]] = json.loads(done.stdout)["controls"]
    return controls


def test_it_holds_exactly_what_a_run_plans(listed, tmp_path):
    tokens = {name: f"a-made-up-token-of-{name}" for name in TOKENS}
    settings = tokens | {"BASE_URL": "http://127.0.0.1:1", "OUT_DIR": str(tmp_path / "reports")}
    done = call("run", folder=tmp_path, variables=settings)
    assert done.returncode == 11, done.stderr
    (journal,) = (tmp_path / "reports").glob("*/data/journal.jsonl")
    (plan,) = [event["data"]["controls"] for event in map(json.loads, journal.read_text().splitlines()) if event["event"] == "plan"]
    assert len(plan) > 100
    wanted = {control["id"]: {name: value for name, value in control.items() if name != "phase"} for control in plan}
    assert {control["id"]: {name: control[name] for name in wanted[control["id"]]} for control in listed} == wanted
    assert sorted(control["id"] for control in listed) == sorted(control["id"] for control in plan)


@pytest.mark.parametrize("arguments", [["controls"], ["controls", "--format", "markdown"], ["explain", "AUTH-003"]])
def test_it_needs_no_settings_and_no_network(arguments, tmp_path):
    (tmp_path / "gate.toml").write_text("no toml = = at all")
    (tmp_path / ".env").write_text("BASE_URL=nonsense\nGATE_PROFILE=none\n")
    done = call(*arguments, code=OFFLINE, folder=tmp_path, variables={"BASE_URL": "nonsense", "PYTEST_ADDOPTS": "-k nothing"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "AUTH-003" in done.stdout


def test_no_token_of_the_environment_and_no_made_up_one_is_shown():
    tokens = {name: f"secret-of-{name.lower()}" for name in (*TOKENS, "REVOKED_TOKENS")}
    done = call("controls", "--format", "json", variables=tokens)
    assert done.returncode == 0
    assert "${VIEWER_TOKEN}" in done.stdout
    assert "secret-of-" not in done.stdout
    assert "made-up" not in done.stdout.replace("made-up findings", "")


def test_every_control_says_where_its_evidence_comes_from(listed):
    lost = [
        control["id"]
        for control in listed
        if not (control["curl"] or control["drills"] or control["sends_in_its_check"] or control["judges_the_whole_run"])
    ]
    assert lost == []


def test_the_page_is_what_the_command_prints():
    printed = call("controls", "--format", "markdown").stdout
    message = "docs/CONTROLS.md is old; make it anew: .venv/bin/gate controls --format markdown > docs/CONTROLS.md"
    assert (ROOT / "docs/CONTROLS.md").read_text() == printed, message


def test_one_suite(listed):
    done = call("controls", "--suite", "audit")
    rows = [line for line in done.stdout.splitlines()[1:] if line]
    assert rows.pop() == f"{len(rows)} controls"
    assert [line.split()[0] for line in rows] == [control["id"] for control in listed if control["suite"] == "audit"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["controls", "--suite", "audits"], "there is no suite audits; expected one of acceptance, audit,"),
        (["controls", "--profile", "nobody"], "there is no profile 'nobody'"),
        (["explain", "AUTH-0033"], "there is no control AUTH-0033; expected an id that `gate controls` lists. The closest: AUTH-003,"),
        (["explain", "quite something else"], "there is no control quite something else"),
    ],
)
def test_what_does_not_exist_is_one_sentence(arguments, told):
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gate: {told}")
    assert done.stderr.count("\n") == 1


def test_explain_tells_all_of_a_control(listed):
    control = next(item for item in listed if item["id"] == "AUTH-003")
    done = call("explain", "auth-003")
    text = " ".join(done.stdout.split())
    for part in ("id", "title", "severity", "basis", "criterion", "safety", "phase", "why", "mend"):
        assert control[part] in text
    assert f"{control['source']}:{control['line']}" in text
    assert "@control(\n" in "".join((ROOT / control["source"]).read_text().splitlines(keepends=True)[control["line"] - 1 :][:1])
    assert ", ".join(control["references"]) in text
    assert [line.strip() for line in done.stdout.splitlines() if line.startswith("  curl ")] == control["curl"]


@pytest.mark.parametrize(
    ("control_id", "told"), [("REC-001", "made in the drill recall_drill (suites/recall/conftest.py:"), ("TAP-001", "the whole run")]
)
def test_explain_names_the_drill(control_id, told):
    assert told in call("explain", control_id).stdout


def test_a_part_that_the_profile_lacks_is_said(tmp_path):
    text = (ROOT / "fixtures/profiles/supply_intel.toml").read_text()
    start = text.index("[documentation]")
    profile = tmp_path / "other.toml"
    profile.write_text(text[:start] + text[text.index("\n\n", start) :])
    done = call("explain", "DOC-001", "--profile", str(profile))
    assert "no section [documentation]" in done.stdout
    assert "none of its own" in done.stdout


def test_what_may_never_be_waived(listed):
    """Recall, the audit pack's checksums, every control of who is let in, and what follows from all others."""
    never = {item["id"] for item in listed if not item["waivable"]}
    assert {item["id"] for item in listed if item["criterion"] == "recall"} <= never
    assert {item["id"] for item in listed if item["id"].startswith(("RBAC-", "OPEN-", "ROLL-"))} <= never
    assert {"PRE-002", "PRE-003", "AUD-002", "AUD-003", "AUD-004", "AUTH-003", "AUTH-008", "PATH-001", "FILE-002", "SPOOF-001"} <= never
    assert not {"TAP-006", "ERR-002", "DOC-001", "CORS-006"} & never
