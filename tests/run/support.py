"""A real reference service and the real command, as subprocesses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ("ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN")
# Many runs follow each other here; a short window lets the shared paths be used again, and the limit stays the real one.
WINDOW = {"RATE_LIMIT_REQUESTS": "300", "RATE_LIMIT_WINDOW_SECONDS": "5"}


def clean_environment() -> dict[str, str]:
    """What a user has who has set nothing."""
    return {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}


@dataclass
class Finished:
    """One run of the command."""

    status: int
    out: str
    err: str
    out_dir: Path

    @property
    def bundle(self) -> Path:
        return next(path for path in self.out_dir.iterdir() if path.is_dir())

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.bundle / "data" / "result.json").read_text())
        return found

    @property
    def criteria(self) -> dict[str, str]:
        return {item["id"]: item["verdict"] for item in self.result["criteria"]}

    @property
    def controls(self) -> dict[str, str]:
        return dict(self.result["controls"])

    @property
    def everything(self) -> str:
        texts = [path.read_text(errors="replace") for path in self.out_dir.rglob("*") if path.is_file()] if self.out_dir.is_dir() else []
        return "\n".join([self.out, self.err, *texts])

    def is_one_sentence(self) -> bool:
        """Nothing but a sentence for the user: no traceback, no pass, anywhere."""
        return "Traceback" not in self.everything and ": PASS" not in self.everything and self.err.strip().endswith(".")


@dataclass
class Reference:
    """A running reference service and what a user needs to know of it."""

    process: subprocess.Popen[bytes]
    settings: dict[str, str]

    def kill_database(self) -> None:
        """Stop the embedded PostgreSQL at once, as a crash would."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and parent_of(entry) == self.process.pid and "postgres" in name_of(entry):
                os.kill(int(entry.name), signal.SIGQUIT)


def parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def name_of(entry: Path) -> str:
    try:
        return (entry / "comm").read_text()
    except OSError:
        return ""


def start_reference(folder: Path, *options: str, **settings: str) -> Reference:
    """Start one and wait until it says that it is healthy."""
    env_file = folder / "reference.env"
    command = [sys.executable, "-m", "gate", "reference", "--port", "0", "--env-file", str(env_file), *options]
    log = (folder / "reference.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=clean_environment() | WINDOW | settings)
    log.close()
    end = time.monotonic() + 60
    while not env_file.exists():
        assert process.poll() is None, (folder / "reference.log").read_text()
        assert time.monotonic() < end, "the reference service did not start"
        time.sleep(0.05)
    return Reference(process, {key: value or "" for key, value in dotenv_values(env_file).items()})


def stop_reference(reference: Reference) -> None:
    reference.process.terminate()
    reference.process.wait(30)


def launch(settings: dict[str, str], out_dir: Path, *options: str, **more: Any) -> subprocess.Popen[str]:
    """Start `gate run`."""
    command = [sys.executable, "-m", "gate", "run", *options]
    environment = clean_environment() | {"OUT_DIR": str(out_dir)} | settings
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    started: subprocess.Popen[str] = subprocess.Popen(command, env=environment, cwd=out_dir.parent, **pipes, **more)
    return started


SOMEWHERE = {name: f"token-of-{name.lower()}-0123456789" for name in TOKENS} | {"BASE_URL": "http://127.0.0.1:9"}


def settings(**changes: str | None) -> dict[str, str]:
    """Settings of a target that is not there, changed."""
    return {key: value for key, value in (SOMEWHERE | changes).items() if value is not None}
