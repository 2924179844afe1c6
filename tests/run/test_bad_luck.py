"""Bad input and bad luck: each gives one clear sentence, the right exit status, and never a traceback or a PASS."""

from __future__ import annotations

import base64
import gzip
import json
import os
import resource
import signal
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from tests.run.forwarder import Answer, Asked, Forwarder, same
from tests.run.support import TOKENS, launch, settings


def test_unreachable(gate: Any) -> None:
    """Nobody listens: the run is inconclusive, not failed, and says where it tried."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = gate(settings(BASE_URL=f"http://127.0.0.1:{bound.getsockname()[1]}"))
    assert done.status == 11
    assert "stopped by preflight: The target answers its health check" in done.err
    assert "Traceback" not in done.everything
    assert ": PASS" not in done.everything


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_wrong_authority(gate: Any, reference: Any, authority: trustme.CA) -> None:
    """A certificate that nobody vouches for: inconclusive, with what to do; no token was sent."""
    asked: list[Asked] = []
    with Forwarder(reference.settings["BASE_URL"], same, asked.append, tls_context(authority)) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status == 11
    assert "GATE_CA_BUNDLE" in done.err
    assert not asked


def test_right_authority(gate: Any, reference: Any, authority: trustme.CA, tmp_path: Path) -> None:
    """The same with the CA's certificate given: GO."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    with Forwarder(reference.settings["BASE_URL"], same, context=tls_context(authority)) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url, "GATE_CA_BUNDLE": str(bundle)})
    assert done.status == 0, done.out
    start, end = (done.result["facts"][f"target.{when}"] for when in ("start", "end"))
    assert start["spki_sha256"] == end["spki_sha256"]
    assert len(end["spki_seen"]) == 1


def test_another_server_answers_before_the_end(gate: Any, reference: Any, authority: trustme.CA, tmp_path: Path) -> None:
    """A key that changes in mid-run: what was found is about two services."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    first, second = tls_context(authority), tls_context(authority)

    def swap(asked: Asked) -> None:
        if asked.number == 300:
            first.sni_callback = lambda connection, _name, _context: setattr(connection, "context", second)

    with Forwarder(reference.settings["BASE_URL"], same, swap, first) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url, "GATE_CA_BUNDLE": str(bundle)})
    assert done.status == 11, done.out
    assert done.result["controls"]["RUN-003"] == "inconclusive"
    assert "2 TLS keys answered during the run" in done.out


def html(_asked: Asked, _answer: Answer) -> Answer:
    return Answer(200, [("Content-Type", "text/html")], b"<html><title>Welcome</title></html>")


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            connection.sendall(b"1\r\n \r\n")
            # Slow enough to stay under the size limit, fast enough to reset any timeout that is not a deadline.
            time.sleep(0.01)
    except OSError:
        return


def bomb() -> bytes:
    return gzip.compress(b"\0" * (16 * 1024 * 1024)) * 32


def bombed(_asked: Asked, _answer: Answer) -> Answer:
    return Answer(200, [("Content-Type", "application/json"), ("Content-Encoding", "gzip")], BOMB)


BOMB = bomb()
HOSTILE: dict[str, Any] = {
    "an HTML page": html,
    "a body that never ends": lambda _asked, _answer: endless,
    "500 MB of gzip": bombed,
    "garbage": lambda _asked, _answer: b"\x00\xff\x1b[2J garbage\r\n\r\n",
    "nothing": lambda _asked, _answer: b"",
    "endless headers": lambda _asked, _answer: b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000,
    "a cut off body": lambda _asked, _answer: b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"status":',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_target(case: str, gate: Any, reference: Any, quick_profile: str) -> None:
    """A target that answers everything so: stopped in preflight, inconclusive, and the terminal stays clean."""
    with Forwarder(reference.settings["BASE_URL"], HOSTILE[case]) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url}, "--profile", quick_profile)
    assert done.status == 11, done.err
    assert "stopped by preflight" in done.err
    assert "Traceback" not in done.everything
    assert ": PASS" not in done.everything
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("case", ["a body that never ends", "500 MB of gzip", "nothing", "a cut off body"])
def test_hostile_in_mid_run(case: str, gate: Any, reference: Any, quick_profile: str) -> None:
    """The same for one path only, after a healthy preflight."""

    def change(asked: Asked, answer: Answer) -> Any:
        return HOSTILE[case](asked, answer) if "kpi/daily" in asked.target else answer

    with Forwarder(reference.settings["BASE_URL"], change) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url}, "--profile", quick_profile)
    assert done.status == 10, done.out
    assert done.controls["ACC-010"] != "passed"
    assert done.controls["READ-kpi-daily"] == "failed"
    assert "Traceback" not in done.everything


def test_redirect_to_another_host(gate: Any, reference: Any) -> None:
    """The redirect is not followed: the other host hears nothing, least of all a token."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.1)
        location = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"

        def redirect(_asked: Asked, _answer: Answer) -> Answer:
            return Answer(302, [("Location", location)], b"")

        with Forwarder(reference.settings["BASE_URL"], redirect) as between:
            done = gate(reference.settings | {"BASE_URL": between.base_url})
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert done.status == 11
    assert "set BASE_URL to the service itself" in done.err


def test_out_dir_cannot_be_made(gate: Any, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    done = gate(settings(OUT_DIR=str(tmp_path / "taken" / "reports")))
    assert done.status == 1
    assert str(tmp_path / "taken" / "reports") in done.err
    assert done.is_one_sentence()


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))


def test_disk_full_in_mid_run(reference: Any, tmp_path: Path) -> None:
    """The journal cannot grow any more: no verdict, no report, exit status 1, and no request after the last line."""
    process = launch(reference.settings, tmp_path / "reports", preexec_fn=small_files)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "Traceback" not in err
    assert ": PASS" not in out + err
    folders = [path for path in (tmp_path / "reports").iterdir() if path.is_dir()]
    assert [path.suffix for path in folders] == [".partial"]
    assert not list((tmp_path / "reports").glob("*.txt"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal(number: signal.Signals, reference: Any, tmp_path: Path) -> None:
    """Stopped in mid-run, with requests in flight: exit status 130, at once, and nothing says PASS."""
    hanging = threading.Event()
    go_on = threading.Event()

    def hang(asked: Asked) -> None:
        if "audit/events" in asked.target:
            hanging.set()
            go_on.wait(60)

    with Forwarder(reference.settings["BASE_URL"], same, hang) as between:
        process = launch(reference.settings | {"BASE_URL": between.base_url}, tmp_path / "reports")
        assert hanging.wait(60)
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
        go_on.set()
    assert process.returncode == 130
    assert ": PASS" not in out
    assert "Traceback" not in err
    journal = next((tmp_path / "reports").glob("*.partial/data/journal.jsonl")).read_text().splitlines()
    assert json.loads(journal[-1])["event"] == "run.interrupted"
    assert not any(json.loads(line)["event"] == "verdict" for line in journal)


def test_sigkill(reference: Any, tmp_path: Path) -> None:
    """Killed outright: a readable journal, no report."""
    hanging = threading.Event()
    go_on = threading.Event()

    def hang(asked: Asked) -> None:
        if "recall/simulate" in asked.target and asked.number > 50:
            hanging.set()
            go_on.wait(60)

    with Forwarder(reference.settings["BASE_URL"], same, hang) as between:
        process = launch(reference.settings | {"BASE_URL": between.base_url}, tmp_path / "reports")
        assert hanging.wait(60)
        process.kill()
        process.communicate()
        go_on.set()
    files = [path for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert {path.name for path in files} <= {"journal.jsonl", "suites.html"}
    assert ": PASS" not in "".join(path.read_text() for path in files)


def forms(secret: str) -> list[str]:
    """How a secret could be written: plain, base64, hex, and each character for itself as URLs, JSON and HTML have it."""
    raw = secret.encode()
    base64_forms = [base64.b64encode(raw).decode().rstrip("="), base64.b64encode(b"user:" + raw).decode()[8:-4]]
    escaped = ["".join(form.format(byte) for byte in raw) for form in ("%{:02x}", "\\u{:04x}", "&#{};")]
    return [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], raw.hex(), *base64_forms, *escaped]


@pytest.mark.parametrize("fault", ["healthy", "everything fails"])
def test_no_secret_in_any_file(fault: str, gate: Any, reference: Any) -> None:
    """Tokens and the database's password are in no output, also when every control fails and the target repeats what it was sent."""

    def echo(asked: Asked, answer: Answer) -> Answer:
        if fault == "healthy" or asked.number < 14:
            return answer
        sent = asked.headers.get("Authorization", asked.headers.get("X-Api-Key", ""))
        token = sent.rpartition(" ")[2]
        body = json.dumps({"error": {"message": f"bad {sent} {' '.join(forms(token))} {token[:-5]}"}}).encode()
        return Answer(500, [*answer.headers, ("X-Echo", sent)], body)

    awkward = {"DATABASE_URL": reference.settings["DATABASE_URL"]}
    with Forwarder(reference.settings["BASE_URL"], echo) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url} | awkward)
    assert done.status == (0 if fault == "healthy" else 10)
    password = reference.settings["DATABASE_URL"].split(":")[2].split("@")[0]
    for secret in [*(reference.settings[name] for name in TOKENS), password]:
        for form in forms(secret):
            assert form not in done.everything


def test_two_runs_at_once(reference: Any, tmp_path: Path) -> None:
    """Two runs in one folder: two bundles, neither in the other's way."""
    settings_ = reference.settings | {"RATE_LIMIT_ENABLED": "true"}
    first, second = (launch(settings_, tmp_path / "reports") for _ in range(2))
    for process in (first, second):
        process.communicate(timeout=120)
    # They share a client address, so that the burst of one may throttle the other: any verdict, but each its own.
    assert {first.returncode, second.returncode} <= {0, 10, 11}
    bundles = [path for path in (tmp_path / "reports").iterdir() if path.is_dir()]
    assert len(bundles) == 2
    assert all(path.suffix != ".partial" for path in bundles)


def test_level_blocks_drills_and_bursts(gate: Any, reference: Any) -> None:
    """Under a lower level nothing above it leaves, and what did not run is not a pass."""
    done = gate(reference.settings, "--level", "denied")
    assert done.status == 11
    assert {item["state"] for item in done.result["triggers"]} == {"unknown"}
    assert {item["safety"] for item in done.result["requests"]} <= {"read", "denied"}
    assert done.controls["REC-001"] != "passed"


SMALL_PROFILE = """
name = "small"
limits = { concurrency = 4, deadline_seconds = 5, body_limit_bytes = 100000 }
health = { path = "/health" }

[identities]
qa = { token_env = "QA_TOKEN", roles = ["qa_manager", "qa_analyst"] }
viewer = { token_env = "VIEWER_TOKEN", roles = ["viewer"] }

[[endpoints]]
id = "events"
method = "GET"
path = "/api/v1/audit/events?limit=1"
allow = ["viewer", "qa_manager"]

[[endpoints]]
id = "ccp"
method = "POST"
path = "/api/v1/ccp/logs"
allow = ["qa_manager"]
probe = { body = {}, allowed = [422] }
"""


def test_a_profile_without_features(gate: Any, reference: Any, tmp_path: Path) -> None:
    """Another API: what its profile lacks is not applicable and says so; what the profile does not excuse is not GO."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL_PROFILE)
    done = gate(reference.settings, "--profile", str(path))
    assert done.controls["REC-001"] == "not_applicable"
    assert done.status == 11
    assert done.criteria["recall"] == "INCONCLUSIVE"
    path.write_text('not_applicable_criteria = ["recall", "audit"]\n' + path.read_text())
    again = gate(reference.settings | {"OUT_DIR": str(tmp_path / "again")}, "--profile", str(path))
    assert again.status == 0, again.out
    assert again.criteria["recall"] is None


def test_unprivileged_files(gate: Any, reference: Any) -> None:
    """Nobody else reads the evidence; the three reports are for everyone."""
    done = gate(reference.settings)
    assert oct(done.bundle.stat().st_mode & 0o777) == "0o700"
    assert all(path.stat().st_mode & 0o077 == 0 for path in done.bundle.rglob("*") if path.is_file())
    assert os.access(next(done.out_dir.glob("release_gate_*.txt")), os.R_OK)


def test_terminal_that_knows_ascii_only(gate: Any, reference: Any) -> None:
    """What the target says reaches the terminal escaped, and the run goes on to its end."""

    def odd(asked: Asked, answer: Answer) -> Answer:
        return (
            Answer(500, [("Content-Type", "application/json")], '{"m":"\u00fc\u4e2d\u202e"}'.encode()) if "kpi" in asked.target else answer
        )

    with Forwarder(reference.settings["BASE_URL"], odd) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert done.status == 10
    assert done.out.rstrip().endswith("Release gate: FAIL")
    assert "Traceback" not in done.err


def test_terminal_commands_of_a_target_do_not_reach_the_terminal(gate: Any, reference: Any) -> None:
    """The sentence that stops a run quotes what the target said: without its escapes, bells and line breaks."""

    def command(asked: Asked, answer: Answer) -> Answer:
        if "whoami" not in asked.target or answer.status != 200:
            return answer
        found = json.loads(answer.body)
        found["user"]["roles"] = ["\x1b]0;owned\x07\x1b[2Jadmin\r\nRelease gate: PASS\u202e"]
        return Answer(200, answer.headers, json.dumps(found).encode())

    with Forwarder(reference.settings["BASE_URL"], command) as between:
        done = gate(reference.settings | {"BASE_URL": between.base_url})
    assert done.status == 10
    assert "stopped by preflight" in done.err
    assert not set("\x1b\x07\r\u202e") & set(done.out + done.err)
    assert "\nRelease gate: PASS" not in done.out + done.err
