"""Starting, stopping, failing: what the service writes, what it leaves behind, and what it does without its database."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from dotenv import dotenv_values

from reference_service import postgres
from tests.reference_service.clusters import Cluster
from tests.reference_service.instances import BATCH, ROOT, Instance, alive, children, environment, launch, running, until

NAMES = {"BASE_URL", "ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN", "DATABASE_URL", "CORS_ALLOW_ORIGINS", "AUTH_ENABLED"}
PLAIN = {"AUTH_ENABLED": "true", "RATE_LIMIT_REQUESTS": "300", "RATE_LIMIT_WINDOW_SECONDS": "60", "APP_ENV": "staging"}


def temporary(instance: Instance) -> Path:
    """The private folder of an instance's embedded PostgreSQL: the working folder of its server."""
    ((data,),) = instance.sql("show data_directory")
    return Path(data).parent


def test_the_env_file_is_private_and_readable_for_shell_and_dotenv(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        path = tmp_path / "service.env"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert NAMES | set(PLAIN) <= set(instance.variables)
        assert {name: instance.variables[name] for name in PLAIN} == PLAIN
        assert instance.variables["CORS_ALLOW_ORIGINS"] == "https://ops.example.com"
        printed = subprocess.run(["/bin/sh", "-c", f". {path} && env -0"], capture_output=True, check=True, env={}).stdout.decode()
        sourced = dict(entry.split("=", 1) for entry in printed.split("\0") if "=" in entry)
        assert {name: sourced.get(name) for name in instance.variables} == instance.variables
        command = Path(f"/proc/{instance.process.pid}/cmdline").read_text()
        assert not [value for name, value in instance.variables.items() if name.endswith(("_TOKEN", "_URL")) and value in command]
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_standard_output_is_the_exports(tmp_path: Path) -> None:
    env_file = tmp_path / "x.env"
    process = launch("--env-file", str(env_file))
    until(env_file.exists, "the service is healthy")
    process.terminate()
    out, err = process.communicate(timeout=15)
    variables = dotenv_values(env_file)
    names = ("BASE_URL", "ADMIN_TOKEN", "QA_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN", "DATABASE_URL")
    assert (out, err) == ("".join(f"export {name}='{variables[name]}'\n" for name in names), "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)])
def test_a_signal_leaves_nothing(tmp_path: Path, number: int, status: int) -> None:
    with running(tmp_path) as instance:
        folder, below = temporary(instance), children(instance.process.pid)
        assert len(below) > 3
        assert instance.stop(number) == status
        assert [pid for pid in below if alive(pid)] == []
        assert not folder.exists()


def test_a_kill_leaves_nothing_either(tmp_path: Path) -> None:
    with running(tmp_path) as instance:
        folder, below = temporary(instance), children(instance.process.pid)
        instance.stop(signal.SIGKILL)
        until(lambda: not [pid for pid in below if alive(pid)], "every process has ended")
        until(lambda: not folder.exists(), "the folder is gone")


def test_an_interrupt_is_heeded_where_a_shell_ignores_it(tmp_path: Path) -> None:
    """A script's `service &` hands SIGINT down ignored; its `kill -INT` is meant all the same."""
    env_file = tmp_path / "x.env"
    script = f"trap '' INT; exec {sys.executable} -m reference_service --port 0 --env-file {env_file}"
    process = subprocess.Popen(["/bin/sh", "-c", script], env=environment({}), stdout=subprocess.PIPE)
    until(lambda: env_file.exists() or process.poll() is not None, "the service is healthy")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder outside pytest's own: for root PostgreSQL runs as another user, who cannot enter that."""
    with tempfile.TemporaryDirectory(prefix="reachable-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_during_start_up_leaves_nothing(reachable: Path, number: int) -> None:
    for moment in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        process = launch(TMPDIR=str(reachable))
        time.sleep(moment)  # not in place of a condition: the moments themselves are what is tested
        process.send_signal(number)
        assert process.communicate(timeout=20)[1] == ""
        until(lambda: list(reachable.iterdir()) == [], "the folder is gone")
        assert [link for link in Path("/proc").glob("[0-9]*/cwd") if is_below(link, reachable)] == []


def is_below(link: Path, folder: Path) -> bool:
    """Whether a process works in the folder."""
    try:
        return str(link.readlink()).startswith(str(folder))
    except OSError:
        return False


def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    waiting = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'supply_intel'"
    with running(tmp_path) as instance, ThreadPoolExecutor(1) as pool, psycopg.connect(instance.variables["DATABASE_URL"]) as blocker:
        blocker.execute("lock table recall_cases in exclusive mode")
        flying = pool.submit(instance.post, "/api/v1/recall/simulate", json={"batch_code": BATCH})
        until(lambda: instance.sql(waiting) == [(True,)], "the request waits for the lock")
        instance.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(instance.url), "no new request is taken")
        blocker.rollback()
        assert flying.result(10).status_code == 200
        assert instance.process.wait(15) == 0


def refuses(url: str) -> bool:
    """Whether nobody listens any more."""
    try:
        requests.get(f"{url}/health", timeout=5)
    except requests.ConnectionError:
        return True
    return False


def failure(*options: str, **variables: str) -> str:
    """The one sentence of a start that fails."""
    command = [sys.executable, "-m", "reference_service", *options]
    done = subprocess.run(command, env=environment(variables), capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port}: Address already in use" in failure("--port", port)


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://user:hunter2@127.0.0.1:{closed.getsockname()[1]}/x"
        text = failure("--port", "0", "--env-file", str(tmp_path / "x.env"), DATABASE_URL=url)
    assert "cannot be reached" in text
    assert "hunter2" not in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"), [("AUTH_ENABLED", "maybe"), ("RATE_LIMIT_REQUESTS", "0"), ("API_TOKEN_MAP_JSON", "{"), ("DATABASE_URL", "x")]
)
def test_a_bad_variable_is_one_sentence(name: str, value: str) -> None:
    assert name.replace("DATABASE_URL", "database URL") in failure("--port", "0", **{name: value})


def test_an_unwritable_env_file_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be written" in failure("--port", "0", "--env-file", str(tmp_path / "missing" / "x.env"))


def test_a_kept_data_folder_is_kept(tmp_path: Path, reachable: Path) -> None:
    options = ("--data-dir", str(reachable / "data"))
    with running(tmp_path, *options) as instance:
        instance.post("/api/v1/recall/simulate", json={"batch_code": BATCH, "reason": "kept"})
        other = failure("--port", "0", *options)
        assert "did not start" in other
        assert instance.get("/health", None).status_code == 200, "a second service took the first one's PostgreSQL along"
    with running(tmp_path, *options) as instance:
        assert instance.sql("select count(*) from recall_cases where reason = 'kept'") == [(1,)]


def test_authentication_off_makes_everyone_the_developer(tmp_path: Path) -> None:
    with running(tmp_path, AUTH_ENABLED="false") as instance:
        whoami = instance.get("/api/v1/auth/whoami", None).json()
        assert (whoami["auth_enabled"], whoami["user"]["user_id"], len(whoami["user"]["roles"])) == (False, "developer", 6)
        assert instance.post("/api/v1/automation/run-daily", None).json()["status"] == "completed"


def test_other_settings_and_tokens_are_honoured(tmp_path: Path) -> None:
    tokens = json.dumps({"compliance-token": {"user_id": "carla", "roles": ["compliance_manager"]}})
    limits = {"RATE_LIMIT_REQUESTS": "5", "RATE_LIMIT_WINDOW_SECONDS": "2", "CORS_ALLOW_ORIGINS": "https://a.example"}
    with running(tmp_path, API_TOKEN_MAP_JSON=tokens, **limits) as instance:
        headers = {"X-API-Key": "compliance-token", "Origin": "https://a.example"}
        answers = [instance.get("/api/v1/auth/whoami", None, headers=headers) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[5].headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert instance.post("/api/v1/audit/packs/generate", None, headers=headers, json={}).json()["created_by"] == "carla"
        assert instance.post("/api/v1/ccp/logs", None, headers=headers, json={}).status_code == 403
        time.sleep(int(answers[5].headers["Retry-After"]))  # the wait that the service asked for is what is tested
        assert instance.get("/api/v1/auth/whoami", None, headers=headers).status_code == 200


def timed(instance: Instance, method: str, path: str, identity: str | None = "admin", **options: Any) -> tuple[int, float]:
    started = time.monotonic()
    return instance.call(method, path, identity, **options).status_code, time.monotonic() - started


def test_without_its_database_it_says_so_quickly_and_recovers(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path, DATABASE_URL=cluster.url) as instance:
        recall: dict[str, Any] = {"json": {"batch_code": BATCH}}
        assert timed(instance, "POST", "/api/v1/recall/simulate", **recall)[0] == 200
        cluster.stop()
        calls = [("GET", "/health", None), ("GET", "/api/v1/kpi/daily", "admin"), ("GET", "/api/v1/kpi/daily", None)]
        for method, path, identity in calls * 2:
            status, seconds = timed(instance, method, path, identity)
            assert status == (401 if path != "/health" and identity is None else 503)
            assert seconds < 2.5
        answer = instance.post("/api/v1/recall/simulate", **recall)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "http_error")
        assert answer.headers["X-Request-ID"] == answer.json()["error"]["request_id"]
        assert instance.get("/health", None).json() == {"status": "degraded"}
        cluster.start()
        until(lambda: instance.get("/health", None).status_code == 200, "healthy again", 5)
        assert timed(instance, "POST", "/api/v1/recall/simulate", **recall)[0] == 200


def test_a_restart_of_the_database_fails_no_request(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path, DATABASE_URL=cluster.url) as instance:
        assert instance.get("/api/v1/kpi/daily").status_code == 200
        cluster.stop()
        cluster.start()
        assert [instance.get("/api/v1/kpi/daily").status_code for _ in range(5)] == [200] * 5


def test_a_silent_database_makes_health_degraded_in_time(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path, DATABASE_URL=cluster.url) as instance:
        cluster.signal(signal.SIGSTOP)
        try:
            status, seconds = timed(instance, "GET", "/health", None)
        finally:
            cluster.signal(signal.SIGCONT)
        assert (status, seconds < 2) == (503, True)
        until(lambda: instance.get("/health", None).status_code == 200, "healthy again", 5)


@pytest.mark.slow
def test_a_request_to_a_silent_database_ends(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path, DATABASE_URL=cluster.url) as instance:
        cluster.signal(signal.SIGSTOP)
        try:
            answer = instance.get("/api/v1/kpi/daily")
        finally:
            cluster.signal(signal.SIGCONT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "http_error")
        until(lambda: instance.get("/api/v1/kpi/daily").status_code == 200, "answers again", 5)


def test_as_deployed_a_lost_database_is_a_500(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path, "--as-deployed", DATABASE_URL=cluster.url) as instance:
        cluster.stop()
        answer = instance.get("/api/v1/kpi/daily", None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_server_error")
        assert "X-Request-ID" not in answer.headers


def test_the_mode_sets_the_indexes_of_a_shared_database(tmp_path: Path, cluster: Cluster) -> None:
    query = "select count(*) from pg_indexes where indexname in ('finished_products_batch_id', 'batch_material_map_rm_lot_id')"
    for options, count in (((), 2), (("--as-deployed",), 0), ((), 2)):
        with running(tmp_path, *options, DATABASE_URL=cluster.url) as instance:
            assert instance.sql(query) == [(count,)]


def test_it_runs_on_the_distributions_postgresql(tmp_path: Path, debian_cluster: Cluster) -> None:
    scripts = [ROOT / "sql" / "001_init.sql", ROOT / "sql" / "002_seed.sql"]
    assert [debian_cluster.psql(script) for script in scripts * 2] == [""] * 4
    with running(tmp_path, DATABASE_URL=debian_cluster.url) as instance:
        assert instance.variables["DATABASE_URL"] == debian_cluster.plain_url
        simulation = instance.post("/api/v1/recall/simulate", json={"batch_code": BATCH}).json()["simulation"]
        assert (simulation["impacted_qty"], simulation["impacted_customers_count"], simulation["suppliers_count"]) == (650.0, 2, 2)
        assert instance.post("/api/v1/automation/run-daily", "ops").json()["status"] == "completed"
        pack = instance.post("/api/v1/audit/packs/generate", "qa", json={}).json()
        assert instance.post(f"/api/v1/audit/packs/{pack['pack_id']}/verify", "viewer").json()["valid"] is True


def test_gate_reference_is_the_service(tmp_path: Path) -> None:
    env_file = tmp_path / "gate.env"
    command = [sys.executable, "-c", "from gate.cli.main import main; main()", "reference", "--port", "0", "--env-file", str(env_file)]
    process = subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    until(lambda: env_file.exists() or process.poll() is not None, "the service is healthy")
    url = dotenv_values(env_file)["BASE_URL"]
    assert requests.get(f"{url}/health", timeout=5).json() == {"status": "ok"}
    process.terminate()
    process.communicate(timeout=15)
    assert process.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")
def test_programs_in_a_closed_folder_are_brought_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's environment may lie in a folder that the server's user cannot enter."""

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = postgres.binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = closed / package.name / postgres.binaries().parent.name / "bin"
    monkeypatch.setattr(postgres, "binaries", lambda: programs)
    server = postgres.EmbeddedPostgres()
    try:
        assert server.start().startswith("postgresql://")
    finally:
        server.stop()
    assert not server.folder.exists()
