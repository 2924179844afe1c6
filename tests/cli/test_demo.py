"""`gate demo` with a stand-in for its two children: what it starts it stops, and the run's status is its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.cli import demo
from gate.errors import GateError

# `reference` notes its process and that of a child in its group, writes the env file, and waits. `run` notes how it was called.
STAND_IN = """
import json, os, pathlib, signal, subprocess, sys, time
notes = pathlib.Path(os.environ["NOTES"])
room = sys.argv[1]
if room == "reference":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    (notes / "service.new").write_text(f"{os.getpid()} {child.pid}")
    os.rename(notes / "service.new", notes / "service")
    if os.environ.get("FAULT") == "dies":
        print("a token: s3cret-token")
        sys.exit("Error: port taken")
    if os.environ.get("FAULT") == "slow":
        time.sleep(300)
    if os.environ.get("FAULT") == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    target = pathlib.Path(sys.argv[sys.argv.index("--env-file") + 1])
    target.write_text("export BASE_URL=http://127.0.0.1:1\\n")
    time.sleep(300)
(notes / "run.json.new").write_text(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ), "pid": os.getpid()}))
os.rename(notes / "run.json.new", notes / "run.json")
if os.environ.get("FAULT") == "long":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    time.sleep(300)
bundle = pathlib.Path("reports/demo/20260101T000000Z")
bundle.mkdir(parents=True)
sys.exit(int(os.environ.get("STATUS", "0")))
"""
LAUNCH = """
import sys
from gate.cli import demo
from gate.errors import GateError
from gate.cli.main import main
demo.GATE = [sys.executable, sys.argv[1]]
demo.PATIENCE, demo.STOP_LIMIT = 0.2, 0.5
main(["demo", *sys.argv[2:]], prog_name="gate")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of its own to run in; TMPDIR in it shows what is left behind."""
    (tmp_path / "gate.py").write_text(STAND_IN)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("NOTES", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.delenv("FAULT", raising=False)
    return tmp_path


def start(place: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", LAUNCH, str(place / "gate.py"), *arguments],
        cwd=place,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s"
        time.sleep(0.01)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def assert_nothing_left(place: Path) -> None:
    for process in (place / "service").read_text().split():
        until(lambda number=int(process): not alive(number))  # type: ignore[misc]
    assert list((place / "temporary").iterdir()) == []


@pytest.mark.parametrize("status", [0, 1, 2, 10, 11])
def test_the_exit_status_is_that_of_the_run(place, status):
    code, out, err = finish(start(place, STATUS=str(status)))
    assert (code, out) == (status, "")
    assert "Reports: reports/demo/ and reports/demo/20260101T000000Z/" in err
    assert_nothing_left(place)


def test_the_run_gets_the_env_file_and_the_policy(place):
    finish(start(place, "--policy", "strict"))
    noted = json.loads((place / "run.json").read_text())["arguments"]
    assert noted[:2] == ["run", "--env-file"]
    assert noted[3:] == ["--environment", "demo", "--profile", "supply_intel", "--policy", "strict", "--out-dir", "reports/demo"]


def test_a_shell_set_up_for_a_real_service_is_not_followed(place):
    real = {
        "BASE_URL": "https://prod.example.com",
        "ADMIN_TOKEN": "real-admin",
        "QA_TOKEN_FILE": "/run/secrets/qa",
        "DATABASE_URL": "postgresql://prod/x",
        "GATE_POLICY": "strict",
        "RATE_LIMIT_REQUESTS": "5",
        "OUT_DIR": "/elsewhere",
    }
    finish(start(place, LANG="C", **real))
    environment = json.loads((place / "run.json").read_text())["environment"]
    assert not set(real) & set(environment)
    assert environment["LANG"] == "C"


def test_a_service_that_cannot_start_is_one_sentence_after_its_log_and_no_token(place):
    code, out, err = finish(start(place, FAULT="dies"))
    assert (code, out) == (1, "")
    assert "  Error: port taken\n" in err
    assert err.endswith("gate: the reference service ended with status 1 before it was healthy. Its log above says why.\n")
    assert "s3cret-token" not in err
    assert_nothing_left(place)


def test_a_service_that_does_not_come_up_in_time_is_given_up(place, monkeypatch):
    monkeypatch.setattr(demo, "START_LIMIT", 0.0)
    (place / "log").touch()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as service:
        with pytest.raises(GateError, match="was not healthy within 0 s"):
            demo._await_file(place / "never", service, place / "log")
        service.kill()


def test_a_service_deaf_to_sigterm_is_killed(place):
    assert finish(start(place, FAULT="deaf"))[0] == 0
    assert_nothing_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_run_and_service(place, number):
    process = start(place, FAULT="long")
    until((place / "run.json").exists)
    process.send_signal(number)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert not alive(json.loads((place / "run.json").read_text())["pid"])
    assert_nothing_left(place)


def test_a_signal_while_the_service_starts_stops_it(place):
    process = start(place, FAULT="slow")
    until((place / "service").exists)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 130
    assert_nothing_left(place)


def test_keep_keeps_the_log(place):
    _, _, err = finish(start(place, "--keep"))
    (kept,) = (place / "temporary").iterdir()
    assert str(kept) in err
    assert (kept / "service.log").exists()
    assert kept.stat().st_mode & 0o077 == 0
