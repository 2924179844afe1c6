"""Made-up suites in a folder of their own, a small HTTP server to point them at, and the real command in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {"QA_TOKEN": "token-of-qa-0123456789", "VIEWER_TOKEN": "token-of-viewer-0123456789"}
PROFILE = """
name = "tiny"
not_applicable_criteria = ["recall", "audit"]
[limits]
concurrency = 8
deadline_seconds = 5
body_limit_bytes = 100000
[identities.qa]
token_env = "QA_TOKEN"
roles = ["qa"]
[identities.viewer]
token_env = "VIEWER_TOKEN"
roles = ["viewer"]
[[endpoints]]
id = "one"
method = "GET"
path = "/one"
allow = ["qa"]
[[endpoints]]
id = "two"
method = "GET"
path = "/two"
allow = ["qa", "viewer"]
"""
# `python -c` with another data folder, before anything has imported its name.
RUNNER = (
    "import sys, pathlib, gate.paths; root = pathlib.Path(sys.argv.pop(1)); gate.paths.data_root = lambda: root;"
    " from gate.cli.main import main; main()"
)


@dataclass
class Asked:
    """One request as the server got it, and when it was being answered."""

    method: str
    path: str
    headers: dict[str, str]
    started: float
    ended: float = 0.0


Answering = Callable[[Asked], "tuple[int, Any] | tuple[int, Any, dict[str, str]]"]


def fine(_asked: Asked) -> tuple[int, Any]:
    """Everything is well."""
    return 200, {"status": "ok"}


@dataclass
class Service:
    """A server on a free port of 127.0.0.1 that answers JSON and remembers what it was asked."""

    answering: Answering = fine
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                service._answer(self)

            def log_message(self, *_: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """What was asked for, in the order of arrival."""
        return [item.path for item in self.asked]

    def _answer(self, handler: Any) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        asked = Asked(handler.command, handler.path, dict(handler.headers.items()), time.monotonic())
        self.asked.append(asked)
        status, body, *headers = self.answering(asked)
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked.ended = time.monotonic()
        handler.send_response_only(status)
        handler.send_header("Content-Type", "text/html" if text.startswith(b"<") else "application/json")
        handler.send_header("Content-Length", str(len(text)))
        for name, value in (headers[0] if headers else {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text if handler.command != "HEAD" else b"")


@dataclass
class Made:
    """A data folder with suites of a test's own."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        """A file under suites/."""
        path = self.root / "suites" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def text(self, name: str) -> str:
        """What a file under suites/ holds."""
        return (self.root / "suites" / name).read_text(encoding="utf-8")

    def shipped(self, *names: str) -> None:
        """Suites as they are shipped."""
        for name in names:
            self.write(name, (ROOT / "suites" / name).read_text(encoding="utf-8"))

    def start(self, base_url: str, *options: str, **environment: str) -> subprocess.Popen[str]:
        """`gate run` on these suites, under way."""
        command = [sys.executable, "-c", RUNNER, str(self.root), "run", "--profile", "tiny", *options]
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
        settings = TOKENS | {"BASE_URL": base_url, "OUT_DIR": str(self.root / "reports"), "PYTHONPATH": str(ROOT)}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
        return subprocess.Popen(command, cwd=self.root, env=inherited | settings | environment, **pipes)

    def ended(self, process: subprocess.Popen[str]) -> Ended:
        """What came of it."""
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err, self.root / "reports")

    def run(self, base_url: str, *options: str, **environment: str) -> Ended:
        """`gate run` on these suites, from beginning to end."""
        return self.ended(self.start(base_url, *options, **environment))


@dataclass
class Ended:
    """One run of the command on made-up suites."""

    status: int
    out: str
    err: str
    reports: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        """The journal, published or not."""
        (path,) = self.reports.glob("*/data/journal.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Every control's result by id."""
        return {item["data"]["control"]: item["data"] for item in self.events if item["event"] == "outcome"}

    def outcome(self, control: str) -> str:
        return str(self.results[control]["outcome"])

    def reason(self, control: str) -> str:
        return str(self.results[control]["reason"])

    @property
    def triggers(self) -> dict[str, str]:
        (event,) = [item for item in self.events if item["event"] == "triggers"]
        return {item["id"]: item["state"] for item in event["data"]["triggers"]}

    @property
    def everything(self) -> str:
        """All that a person or a program could read of this run."""
        texts = [path.read_text(errors="replace") for path in self.reports.rglob("*") if path.is_file()] if self.reports.is_dir() else []
        return "\n".join([self.out, self.err, *texts])

    @property
    def goes(self) -> bool:
        """Whether anything says that the release may go."""
        return self.status == 0 or "Release gate: PASS" in self.everything or '"verdict":"GO","exit_status"' in self.everything

    def is_one_sentence(self) -> bool:
        """Nothing for the user but a sentence, and no pass anywhere."""
        return "Traceback" not in self.out + self.err and self.err.rstrip().endswith(".") and ": PASS" not in self.everything


HEAD = """
import os, sys
import pytest
from gate.api import Inconclusive, Phase, Probe, Safety, Unmet, control, must_answer, must_refuse, observe, require

"""


def check(
    control_id: str,
    body: str = "assert observed.status == 200",
    *,
    arguments: str = "observed",
    shape: str = "",
    phase: str = "PROBES",
    criterion: str = "gate",
    above: str = "",
    **more: str,
) -> str:
    """The source of one control: it observes a path named after itself, unless told otherwise."""
    name = control_id.lower().replace("-", "_")
    parts = {"severity": "high", "why": "so", "mend": "do"} | more
    options = ", ".join(f"{key}={value!r}" for key, value in parts.items())
    shape = shape or f'lambda t: t.get("/{name}", "qa")'
    observing = f"@observe({shape})\n" if "observed" in arguments else ""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f'{above}\n@control("{control_id}", "It holds", criterion={criterion!r}, phase=Phase.{phase}, {options})\n'
        f"{observing}def test_{name}({arguments}):\n{lines}\n\n"
    )


def make(folder: Path) -> Made:
    """A data folder whose suites are healthy: one control for each line of the result, so that anything added decides."""
    made = Made(folder)
    for name in ("fixtures/schemas", "fixtures/policies", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "fixtures" / "profiles").mkdir()
    (folder / "fixtures" / "profiles" / "tiny.toml").write_text(PROFILE, encoding="utf-8")
    for name in ("conftest.py", "run.ini"):
        made.write(name, (ROOT / "suites" / name).read_text(encoding="utf-8"))
    made.write("preflight/test_preflight.py", HEAD + check("PRE-001", phase="PREFLIGHT", criterion="errors"))
    made.write("security/test_security.py", HEAD + check("SEC-001", criterion="auth"))
    made.write("acceptance/test_acceptance.py", HEAD + check("ACC-001"))
    return made
