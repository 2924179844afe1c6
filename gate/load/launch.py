"""Locust as a process group of its own: started, waited for, and always ended. The gate never imports it."""

from __future__ import annotations

import os
import signal
import site
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from gate.errors import ConfigurationError, GateError
from gate.load.plan import Plan
from gate.paths import data_root

LOG, PLAN = "locust.log", "plan.json"
TOKEN = "GATE_LOAD_TOKEN_"  # noqa: S105 - the name of a variable
START = 30.0  # seconds in which Locust must have started
WORKERS = 300  # seconds in which workers from elsewhere must have come
END = 20.0  # seconds for the last reports and files, after the last answer can have come
ASKED, GONE, LOOK = 0.6, 0.3, 0.01  # seconds to stop when asked; until a killed group is gone; between two looks
# What a program needs to run; everything else, tokens of other programs above all, stays here.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Workers:
    """Who sends: so many processes on this machine, or `expected` workers that are started elsewhere and join at `host`:`port`.

    Port 0: one that is free. Workers elsewhere run perf/locustfile.py with the same plan (`worker_command`).
    """

    processes: int = 1
    expected: int = 0
    host: str = "127.0.0.1"
    port: int = 0

    @property
    def count(self) -> int:
        """How many share the schedule."""
        return self.expected or self.processes


def launch(plan: Plan, folder: Path, tokens: Mapping[str, str], workers: Workers) -> int:
    """Send the plan's requests and wait for the end; Locust's exit status (negative: the signal that ended it).

    In the folder are `plan.json` before, and raw.json, arrivals, Locust's own files and its log afterwards: as many as it came to write.
    Whatever happens here, also a KeyboardInterrupt, no process of the group is left when this returns or raises.

    Args:
        plan: what is sent.
        folder: exists, and holds nothing but the plan.
        tokens: by identity; those that the plan needs go into the environment of the new process and nowhere else.
        workers: who sends.

    Raises:
        GateError: Locust could not be started.
        ConfigurationError: the address for workers cannot be used, or a token is missing.
    """
    for identity in plan.identities - set(tokens):
        raise ConfigurationError(f"there is no token for the identity '{identity}'", "one for each identity of the journeys")
    folder = folder.resolve()  # Locust is started in it
    arguments = command(folder, workers, port=workers.port or free_port(workers.host))
    given = environment(folder / PLAN, folder, {name: tokens[name] for name in plan.identities})
    limit = START + plan.seconds + plan.data["timeout_seconds"] + END + (WORKERS if workers.expected else 0)
    with _alive() as (told, more):
        return _carry_out(arguments, given | told, folder, limit, ask=workers.expected > 0, **more)


def _carry_out(arguments: list[str], given: Mapping[str, str], folder: Path, limit: float, *, ask: bool, **more: Any) -> int:
    process = None
    try:
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=given, start_new_session=True, **more
            )
        return _wait(process, limit)
    except OSError as error:
        raise GateError(f"Locust could not be started ({error.strerror})", "a Python that has it", "Install cutover-gate again") from error
    finally:
        if process is not None:
            _end(process, ask=ask)


@contextmanager
def _alive() -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """For a process that must not outlive this one, however this one ends: the variable that names its end of a pipe, and how it gets it.

    Nothing is ever written to the pipe. When the last one who could is gone, whoever reads finds its end. It stays open until the process
    has been ended otherwise: as a master it has workers elsewhere to tell.
    """
    theirs, ours = os.pipe()
    try:
        yield {"GATE_LOAD_ALIVE": str(theirs)}, {"pass_fds": (theirs,)}
    finally:
        os.close(theirs)
        os.close(ours)


def command(folder: Path, workers: Workers, *, port: int) -> list[str]:
    """How Locust is started; nothing secret is in it."""
    arguments = [*_locust(), "--headless", "--only-summary", "-u", str(workers.count), "-r", str(workers.count)]
    if workers.expected:
        arguments += ["--master", "--expect-workers", str(workers.expected), "--expect-workers-max-wait", str(WORKERS)]
    elif workers.processes > 1:
        arguments += ["--processes", str(workers.processes), "--master-host", workers.host, "--master-port", str(port)]
    if workers.count > 1 or workers.expected:
        arguments += ["--master-bind-host", workers.host, "--master-bind-port", str(port)]
    return [*arguments, "--json-file", str(folder / "locust"), "--html", str(folder / "locust.html")]


def worker_command(host: str, port: int) -> list[str]:
    """How a worker is started elsewhere, with the variables of `environment` around it."""
    return [*_locust(), "--worker", "--master-host", host, "--master-port", str(port)]


def environment(plan: Path, folder: Path, tokens: Mapping[str, str]) -> dict[str, str]:
    """All variables of a generating process: what a program needs to run, the plan, where to write, and the tokens by identity."""
    given = {name: os.environ[name] for name in KEPT if name in os.environ}
    # Locust obeys .locust.conf in the home folder; packages may be installed below the real one.
    given |= {"HOME": str(folder), "PYTHONUSERBASE": site.getuserbase()}
    given |= {"GATE_LOAD_PLAN": str(plan), "GATE_LOAD_OUT": str(folder)}
    return given | {f"{TOKEN}{name.upper()}": token for name, token in tokens.items()}


def free_port(host: str) -> int:
    """A port of that address that nobody listens on."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            listener.bind((host, 0))
            return int(listener.getsockname()[1])
    except OSError as error:
        raise ConfigurationError(f"workers cannot join at '{host[:80]}' ({error.strerror})", "an address of this machine") from error


def _locust() -> list[str]:
    # -P: a folder named locust where the user stands is not Locust.
    return [sys.executable, "-P", "-m", "locust", "-f", str(data_root() / "perf" / "locustfile.py")]


def _wait(process: subprocess.Popen[bytes], limit: float) -> int:
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL  # what is about to be done to it


def _end(process: subprocess.Popen[bytes], *, ask: bool) -> None:
    """Kill whatever is left of the group, and wait until it is gone (or nothing but zombies that another process has to bury).

    Args:
        process: the group's first.
        ask: first ask it to stop, since only it can tell the workers elsewhere.
    """
    if ask and process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ASKED)
    deadline = monotonic() + GONE
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: how some systems say that only zombies are left
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        while monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            sleep(LOOK)
    process.wait()
