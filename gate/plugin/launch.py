"""pytest on the shipped suites, in this process: for a run, and for the catalogue, which must find exactly what a run would."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any

from gate.errors import GateError
from gate.paths import data_root
from gate.plugin import SESSION
from gate.plugin.session import Session

QUIET = ("-q", "-s", "--no-header", "--no-summary", "--tb=short", "--color=no")
# The last two collect garbage again and again at the end of a session, to warn of what no run has: 0.1 s.
WITHOUT = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")
INTERRUPTED, INTERNAL_ERROR, USAGE_ERROR = 2, 3, 4  # pytest.ExitCode; pytest itself is imported when it is needed
BROKEN = (INTERNAL_ERROR, USAGE_ERROR)
TELLING = ("E ", "ERROR", "gate:")


class Launch:
    """One pytest session: `status` is pytest's, `said` what it printed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said = io.StringIO()
        self.status = 0

    def start(self, *options: str, plugins: Sequence[object] = ()) -> int:
        """Collect and, unless the options say otherwise, run; pytest's exit status."""
        import pytest

        suites = data_root() / "suites"
        plugins_off = [part for name in WITHOUT for part in ("-p", f"no:{name}")]
        arguments = ["-c", str(suites / "run.ini"), f"--rootdir={data_root()}", "-p", "gate.plugin", *plugins_off, *QUIET, *options]
        with _own_pytest(), contextlib.redirect_stdout(self._said), contextlib.redirect_stderr(self._said):
            try:
                self.status = int(pytest.main([*arguments, str(suites)], plugins=[_Install(self._session), *plugins]))
            except SystemExit as leaving:  # from a hook of the suites: its status is none of ours
                self.status = INTERNAL_ERROR
                self._said.write(f"\nERROR: the suites ended the session ({leaving!r})\n")
        return self.status

    def broken(self) -> GateError:
        """The error of a session that did not come as far as a plan, or broke later."""
        if self._session.fatal is not None:
            return self._session.fatal
        text = self._session.engine.redactor.text(self._said.getvalue())
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        crash = [line.removeprefix("INTERNALERROR>").strip() for line in lines if line.startswith("INTERNALERROR")]
        told = next((line for line in lines if line.startswith(TELLING)), (crash or lines or ["nothing said"])[-1])
        return GateError(
            f"the suites could not be run (pytest status {self.status}: {told:.300})",
            "suites that load",
            "Reinstall gate, or mend the suite",
        )


class _Install:
    """Gives pytest the session that is already made."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_load_initial_conftests(self, early_config: Any) -> None:
        """Before the suites' conftest looks for one."""
        early_config.stash[SESSION] = self._session


@contextlib.contextmanager
def _own_pytest() -> Iterator[None]:
    """Nothing in the environment may change what pytest runs: no options, no plugins of other packages."""
    names = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    leave, os._exit = os._exit, _no_exit  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = leave
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _no_exit(status: int) -> None:
    """In place of os._exit while suites run: it would end the command with a status that no verdict stands behind."""
    raise RuntimeError(f"a check tried to end the process with status {status}")
