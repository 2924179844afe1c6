"""What the benches need of the system: programs on a core of their own, and how much processor time they have used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 30.0  # seconds in which a program must have done what is waited for
_TICKS = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """One for the service and one for whoever asks; twice the same where there is no second one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Programs that are started inside the block keep to that core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(**more: str) -> dict[str, str]:
    """What a user has who has set nothing."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | more


@contextmanager
def program(
    arguments: Sequence[str], core: int, log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running program and whatever it starts, killed at the end of the block; what it prints goes to the log."""
    with log.open("wb") as sink, on_core(core):
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=variables or environment(), start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def service(script: str, core: int, folder: Path) -> Iterator[tuple[str, int]]:
    """A service of this folder that writes its port to a file; yields its address and the id of its process."""
    port, log = folder / f"{script}.port", folder / f"{script}.log"
    port.unlink(missing_ok=True)
    with program([sys.executable, str(HERE / script), str(port)], core, log) as process:
        until(port.exists, process, log)
        yield f"http://127.0.0.1:{port.read_text()}", process.pid


def until(happened: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until that function says so. SystemExit with the log if the program ends before, or it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{process.args!r}\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def locust(script: str, *options: str) -> list[str]:
    """Locust without its web page, on a file of this folder."""
    return [sys.executable, "-P", "-m", "locust", "-f", str(HERE / script), "--headless", "--only-summary", *options]


def processor_seconds(process: int) -> float:
    """What that process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
