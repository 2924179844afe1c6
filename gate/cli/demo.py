"""`gate demo`: the reference service, a whole run against it, and nothing left behind but the reports."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from gate.errors import GateError, Interrupted

START_LIMIT = 60.0
PATIENCE = 2.0
STOP_LIMIT = 15.0
POLL = 0.05
LOG_LINES = 20
REPORTS = Path("reports/demo")
GATE = [sys.executable, "-P", "-m", "gate"]  # -P: a folder named gate where the user stands is not ours
# Stronger than an env file, so a shell that is set up for a real service would send the demo there.
TARGET = ("BASE_URL", "BATCH_CODE", "OUT_DIR", "DATABASE_URL", "REVOKED_TOKENS", "CORS_ALLOW_ORIGINS", "AUTH_ENABLED")
TARGET_PREFIXES = ("GATE_", "RATE_LIMIT_", "ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN")


@click.command("demo")
@click.option("--as-deployed", is_flag=True, help="Serve the gaps of the deployed service instead of the hardened one.")
@click.option("--policy", type=click.Choice(["baseline", "strict"]), default="baseline", show_default=True, help="What blocks.")
@click.option("--keep", is_flag=True, help="Keep the service's log and env file.")
def command(*, as_deployed: bool, policy: str, keep: bool) -> int:
    """Run the whole gate against the reference service.

    Starts the service on an embedded PostgreSQL, runs the gate, stops what it started. The exit status is the run's.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    before = _bundles()
    with _workplace(keep=keep) as folder, _service(folder, as_deployed=as_deployed) as env_file:
        status = _run(env_file, policy)
    for bundle in sorted(_bundles() - before):
        click.echo(f"Reports: {REPORTS}/ and {bundle}/", err=True)
    return status


def _bundles() -> set[Path]:
    return {entry for entry in REPORTS.glob("*T*Z") if entry.is_dir()}


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted("gate demo was terminated")


@contextmanager
def _workplace(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gate-demo-"))
    try:
        yield folder
    finally:
        if keep:
            click.echo(f"The service's log and env file: {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _service(folder: Path, *, as_deployed: bool) -> Iterator[Path]:
    """The reference service, healthy, in a process group of its own; yields its env file."""
    env_file, log = folder / "demo.env", folder / "service.log"
    arguments = [*GATE, "reference", "--port", "0", "--env-file", str(env_file), *(["--as-deployed"] if as_deployed else [])]
    with log.open("wb") as sink:  # of standard error only: the tokens are printed on standard output
        service = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=sink,
            start_new_session=True,
            env=clean_environment(os.environ),
        )
    try:
        _await_file(env_file, service, log)
        yield env_file
    finally:
        _stop_group(service)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what says which service to test and how."""
    return {
        name: value
        for name, value in environment.items()
        if name == "GATE_DEBUG" or (name not in TARGET and not name.startswith(TARGET_PREFIXES))
    }


def _await_file(path: Path, service: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the service has written its env file, which it does once it is healthy."""
    click.echo("Starting the reference service ...", err=True)
    deadline = time.monotonic() + START_LIMIT
    while not path.exists():
        with suppress(subprocess.TimeoutExpired):
            status = service.wait(POLL)
            raise _not_healthy(f"the reference service ended with status {_shell_status(status)} before it was healthy", log)
        if time.monotonic() > deadline:
            raise _not_healthy(f"the reference service was not healthy within {START_LIMIT:.0f} s", log)


def _not_healthy(happened: str, log: Path) -> GateError:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    click.echo("\n".join(["The end of the service's log:", *(f"  {line}" for line in lines or ["(empty)"])]), err=True)
    return GateError(happened, next_step="Its log above says why")


def _run(env_file: Path, policy: str) -> int:
    """The run, on this terminal; a signal to the demo lets it finish its journal before anything else stops."""
    named = {
        "environment": "demo",
        "profile": "supply_intel",
        "policy": policy,
        "out-dir": str(REPORTS),
    }  # a gate.toml here is not for the demo
    options = [part for name, value in named.items() for part in (f"--{name}", value)]
    with subprocess.Popen([*GATE, "run", "--env-file", str(env_file), *options], env=clean_environment(os.environ)) as run:
        try:
            return _shell_status(run.wait())
        finally:
            _finish(run)


def _shell_status(status: int) -> int:
    """As a shell gives it: 128 + the number of the signal that ended the process."""
    return 128 - status if status < 0 else status


def _finish(run: subprocess.Popen[bytes]) -> None:
    """Ctrl-C on a terminal has reached the run as well: give it a moment; then ask, then insist."""
    for limit, act in ((PATIENCE, run.terminate), (STOP_LIMIT, run.kill)):
        with suppress(subprocess.TimeoutExpired):
            run.wait(limit)
            return
        act()


def _stop_group(service: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the service, which stops its database; whatever of its group is left after that is killed."""
    service.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            service.wait(STOP_LIMIT)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()
