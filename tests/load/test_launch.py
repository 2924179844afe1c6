"""The generator's processes: which there are, what they know, how they end."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from gate.load import Workers, run_load
from gate.load.launch import environment, free_port, worker_command
from gate.model import LoadOutcome
from tests.load.conftest import TOKENS, generators, read, section, target
from tests.load.servers import service
from tests.load.support import CANARIES, profile, start, until

LONG = 30  # seconds: none of these runs comes to its end by itself


def everywhere(secrets) -> list[str]:
    """The processes whose command line holds one of these."""
    return [
        str(entry)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and any(secret.encode() in read(entry / "cmdline") for secret in secrets)
    ]


def stopped(process, folder) -> float:
    """Seconds from now until that process and all of its generator's are gone."""
    begun = monotonic()
    process.communicate()
    until(lambda: not generators(folder))
    return monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_within_a_second(tmp_path, number, processes):
    profile(tmp_path, 20, LONG)
    with service() as server, start(tmp_path, server.url, "--processes", processes) as process:
        server.await_requests(20)
        assert len(generators(tmp_path)) == (3 if processes == "2" else 1)
        assert everywhere(CANARIES.values()) == []
        process.send_signal(number)
        assert stopped(process, tmp_path) < 1.0
        assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_gate_that_is_killed_leaves_no_load_behind(tmp_path, processes):
    profile(tmp_path, 20, LONG)
    with service() as server, start(tmp_path, server.url, "--processes", processes) as process:
        server.await_requests(20)
        process.kill()
        assert stopped(process, tmp_path) < 3.0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_gate_that_is_killed_before_its_generator_is_ready_leaves_nothing_either(tmp_path, processes):
    """Whoever looks for its parent when it is ready finds another one."""
    profile(tmp_path, 20, 3)
    with service() as server, start(tmp_path, server.url, "--processes", processes) as process:
        until(lambda: generators(tmp_path))
        process.kill()
        stopped(process, tmp_path)
        assert server.requests == []


def test_a_signal_before_the_first_request_leaves_nothing_either(tmp_path):
    profile(tmp_path, 20, LONG)
    with service() as server, start(tmp_path, server.url) as process:
        until(lambda: generators(tmp_path))
        process.send_signal(signal.SIGINT)
        assert stopped(process, tmp_path) < 1.0


def test_the_generator_knows_the_tokens_that_it_needs_and_no_others(tmp_path):
    given = environment(tmp_path / "plan.json", tmp_path, {"viewer": TOKENS["viewer"]})
    assert given["GATE_LOAD_TOKEN_VIEWER"] == TOKENS["viewer"]
    assert not any(name.endswith("_TOKEN") or name.startswith("LOCUST") for name in given)


def test_a_folder_that_is_named_from_here_is_found_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with service() as server:
        result = run_load(section(20, 0.5), "smoke", target(server.url), Path("load"), run_id="0123456789ab", user_agent="gate/test")
    assert (result.sent, result.exit_status) == (10, 0)


@pytest.mark.slow
def test_no_token_is_in_a_file_or_in_the_environment_of_somebody_else(send, tmp_path):
    seen: list[bytes] = []

    def look(server) -> None:
        server.await_requests(10)
        seen.extend(read(Path(f"/proc/{process}/environ")) for process in generators(tmp_path))

    with service() as server:
        looking = Thread(target=look, args=(server,))
        looking.start()
        done = send(server.url, section(50, 2))
        looking.join()
        assert f"authorization: bearer {TOKENS['viewer']}" in server.requests[0].lower() + server.requests[1].lower()
    assert seen
    assert not any(TOKENS["admin"].encode() in text for text in seen)
    files = [path for path in done.folder.rglob("*") if path.is_file()]
    assert {"result.json", "plan.json", "arrivals-w0.csv", "locust.json", "locust.html", "locust.log"} <= {path.name for path in files}
    assert [path.name for path in files for token in TOKENS.values() if token.encode() in path.read_bytes()] == []


class Elsewhere:
    """A run that waits for workers, and the workers, which are started as on another machine."""

    def __init__(self, send, url, folder, expected, load):
        self.port, self.folder, self.done = free_port("127.0.0.1"), folder, []
        workers = Workers(expected=expected, port=self.port)
        self._run = Thread(target=lambda: self.done.append(send(url, load, workers)))
        self._run.start()
        until(lambda: "Starting Locust" in self.log)
        self._workers: list[subprocess.Popen[bytes]] = []

    @property
    def log(self) -> str:
        return read(self.folder / "load.partial" / "locust.log").decode()

    def join(self, plan=None) -> None:
        """Start one more, and wait until the master knows it."""
        given = environment(plan or self.folder / "load.partial" / "plan.json", self.folder / "load.partial", TOKENS)
        count = len(self._workers)
        self._workers.append(subprocess.Popen(worker_command("127.0.0.1", self.port), env=given, stderr=subprocess.DEVNULL))
        until(lambda: f"(index {count}) reported as ready" in self.log)

    def end(self):
        self._run.join()
        for worker in self._workers:
            worker.kill()
            worker.wait()
        return self.done[0]


@pytest.mark.slow
def test_a_worker_that_joins_late_is_waited_for(send, tmp_path):
    with service() as server:
        run = Elsewhere(send, server.url, tmp_path, 2, section(100, 2))
        run.join()
        assert server.requests == []
        run.join()
        done = run.end()
    assert (done.judgement.outcome, done.judgement.reasons) == (LoadOutcome.PASSED, ())
    assert (done.result.workers_seen, done.result.completed, len(server.requests)) == (2, 200, 200)
    assert {path.name for path in done.folder.glob("arrivals-*")} == {"arrivals-w0.csv", "arrivals-w1.csv"}


@pytest.mark.slow
def test_a_worker_of_another_run_does_not_count(send, tmp_path):
    with service() as server:
        run = Elsewhere(send, server.url, tmp_path, 1, section(20, 0.5, timeout_seconds=0.5))
        plan = tmp_path / "other.json"
        plan.write_text((tmp_path / "load.partial" / "plan.json").read_text().replace('"rate": 20.0', '"rate": 30.0'))
        run.join(plan)
        done = run.end()
    assert done.judgement.outcome is LoadOutcome.INCONCLUSIVE
    assert any("0 of 1 workers" in reason for reason in done.judgement.reasons)


@pytest.mark.slow
def test_a_signal_also_ends_the_workers_elsewhere(tmp_path):
    profile(tmp_path, 20, LONG)
    port = free_port("127.0.0.1")
    with service() as server, start(tmp_path, server.url, "--expect-workers", "1", "--bind", f"127.0.0.1:{port}") as process:
        (plan,) = until(lambda: [*tmp_path.rglob("*.partial/plan.json")])
        tokens = {"viewer": CANARIES["VIEWER_TOKEN"], "ops": CANARIES["OPS_TOKEN"]}
        with subprocess.Popen(
            worker_command("127.0.0.1", port), env=environment(plan, tmp_path, tokens), stderr=subprocess.DEVNULL
        ) as worker:
            server.await_requests(20)
            process.send_signal(signal.SIGINT)
            assert stopped(process, tmp_path) < 1.5
            until(lambda: worker.poll() is not None)
        assert len(server.requests) < 20 * LONG / 2


def test_what_the_command_loads_for_its_help_is_small():
    program = (
        "import sys\nfrom gate.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('gevent', 'hdrh', 'locust', 'rich', 'requests')])"
    )
    for arguments in (["--help"], ["load", "--help"], ["run", "--help"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=os.environ)
        assert done.stdout.splitlines()[-1] == "[]"
