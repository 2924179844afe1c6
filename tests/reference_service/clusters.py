"""PostgreSQL clusters that a test stops and starts itself: the service knows only their URL."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.reference_service.instances import children, until


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A PostgreSQL that a test stops and starts itself, because the service is given only its URL."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder, self.port = binaries, folder, free_port()
        self.url = f"postgresql+psycopg://tester@127.0.0.1:{self.port}/supply"
        self.plain_url = self.url.replace("+psycopg", "")
        # PostgreSQL refuses to run as root.
        self._user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        self._server: subprocess.Popen[bytes] | None = None

    def create(self) -> "Cluster":
        """initdb, start, and an empty database."""
        self.folder.mkdir(mode=0o755)
        if self._user:
            shutil.chown(self.folder, "nobody")
        self._run("initdb", "-D", "data", "-U", "tester", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", "supply")
        return self

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.binaries / program, *arguments], cwd=self.folder, capture_output=True, text=True, check=False, **self._user
        )
        assert done.returncode == 0, done.stderr

    def psql(self, script: Path) -> str:
        """Run a script as an operator would, and answer what it complained about."""
        command = [str(self.binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), self.plain_url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return "\n".join(line for line in done.stderr.splitlines() if "NOTICE" not in line)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [str(self.binaries / "postgres"), "-D", "data", "-p", str(self.port), *options]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self._user)
        until(self._accepts, "PostgreSQL accepts connections", 30)

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.plain_url.replace("/supply", "/postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server at once, connections or not."""
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(15)

    def signal(self, number: int) -> None:
        """Signal the server and all its backends: SIGSTOP makes it silent rather than gone."""
        assert self._server
        for pid in (self._server.pid, *children(self._server.pid)):
            os.kill(pid, number)


@contextmanager
def cluster_of(binaries: Path) -> Iterator[Cluster]:
    """A running cluster of these binaries; its folder is open to the user it runs as, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        Path(folder).chmod(0o755)
        made = Cluster(binaries, Path(folder) / "pg")
        try:
            yield made.create()
        finally:
            made.stop()
