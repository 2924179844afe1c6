"""Real instances of the reference service, started as a user starts them, and how to call them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"

BATCH = "BATCH-2026-02-0012"
GHOST = "00000000-0000-4000-8000-00000000dead"
SETTINGS = ("AUTH_ENABLED", "CORS_ALLOW_ORIGINS", "RATE_LIMIT_REQUESTS", "RATE_LIMIT_WINDOW_SECONDS", "RATE_LIMIT_ENABLED", "APP_ENV")
IGNORED = (*SETTINGS, "DATABASE_URL", "STORAGE_DIR", "API_TOKEN_MAP_JSON", "BASE_URL")


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Poll until the condition holds, and answer its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} s: {what}")


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The process ids of a process's children, all the way down."""
    try:
        direct = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # it ended meanwhile: PostgreSQL's helpers come and go
        return []
    return direct + [below for child in direct for below in children(child)]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without any that would configure the service."""
    inherited = {name: value for name, value in os.environ.items() if name not in IGNORED}
    return {**inherited, "PYTHONPATH": str(FIXTURES), "PYTHONWARNINGS": "error", **extra}


@dataclass
class Instance:
    """A running service, and how to call it."""

    process: subprocess.Popen[str]
    variables: dict[str, str]
    storage: Path
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        """Its BASE_URL."""
        return self.variables["BASE_URL"]

    def token(self, identity: str) -> str:
        """The token of admin, qa, ops or viewer."""
        return self.variables[f"{identity.upper()}_TOKEN"]

    def call(self, method: str, path: str, identity: str | None = None, **options: Any) -> requests.Response:
        """One request; never follows a redirect."""
        headers = dict(options.pop("headers", {}))
        if identity:
            headers["Authorization"] = f"Bearer {self.token(identity)}"
        return self.session.request(method, self.url + path, headers=headers, timeout=20, allow_redirects=False, **options)

    def get(self, path: str, identity: str | None = "admin", **options: Any) -> requests.Response:
        """GET."""
        return self.call("GET", path, identity, **options)

    def post(self, path: str, identity: str | None = "admin", **options: Any) -> requests.Response:
        """POST."""
        return self.call("POST", path, identity, **options)

    def sql(self, query: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """One query on its database, committed."""
        with psycopg.connect(self.variables["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(query, params)  # type: ignore[call-overload, unused-ignore]
            return cursor.fetchall() if cursor.description else []

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait for its end."""
        self.session.close()
        self.process.send_signal(number)
        status = self.process.wait(15)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return status


def launch(*options: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the service without waiting for anything."""
    command = [sys.executable, "-m", "reference_service", "--port", "0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(variables), **pipes)  # type: ignore[call-overload, no-any-return]


@contextlib.contextmanager
def running(folder: Path, *options: str, **variables: str) -> Iterator[Instance]:
    """A service from healthy to stopped."""
    env_file, storage = folder / "service.env", folder / "storage"
    env_file.unlink(missing_ok=True)
    process = launch("--env-file", str(env_file), *options, **{"STORAGE_DIR": str(storage), **variables})
    try:
        until(lambda: env_file.exists() or process.poll() is not None, "the service is healthy", 60)
        assert env_file.exists(), process.communicate()[1]
        instance = Instance(process, {name: value or "" for name, value in dotenv_values(env_file).items()}, storage)
        yield instance
        instance.stop()
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=15)
