"""The edge: whatever happens inside, the user gets one sentence and the right exit status, and help costs nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import click
import pytest

from gate import __version__
from gate.cli import main as edge
from gate.errors import ConfigurationError, EvidenceError, GateError, Interrupted

HEAVY = ("requests", "urllib3", "pytest", "jinja2", "rich", "jsonschema", "psycopg", "jmespath", "locust", "gevent", "fastapi", "hdrh")


@pytest.fixture
def gate(monkeypatch, capsys):
    """Run `gate try` with this function as the subcommand: its status, standard output and standard error."""

    def run(function: Callable[[], object], *arguments: str) -> tuple[object, str, str]:
        module = ModuleType("gate_tried")
        module.command = click.command("try")(function)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "gate_tried", module)
        monkeypatch.setitem(edge.SUBCOMMANDS, "try", ("gate_tried", "Try."))
        with pytest.raises(SystemExit) as leaving:
            edge.main(["try", *arguments], prog_name="gate")
        return leaving.value.code, *capsys.readouterr()

    return run


def raising(error: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GateError("it broke", "a whole one", "buy another"), 1),
        (ConfigurationError("it broke", "a whole one", "buy another"), 2),
        (EvidenceError("it broke", "a whole one", "buy another"), 1),
        (Interrupted("it broke", "a whole one", "buy another"), 130),
    ],
)
def test_an_error_of_ours_is_its_sentence_and_its_status(gate, error, status):
    assert gate(raising(error)) == (status, "", "gate: it broke; expected a whole one. buy another.\n")


@pytest.mark.parametrize("value", [0, 1, 2, 10, 11, 12, 130])
def test_what_a_command_returns_is_the_exit_status(gate, value):
    assert gate(lambda: value)[0] == value


@pytest.mark.parametrize("value", [0, 10, 11])
def test_a_command_may_also_exit(gate, value):
    assert gate(lambda: sys.exit(value))[0] == value
    assert gate(lambda: click.get_current_context().exit(value))[0] == value


def test_no_status_is_success(gate):
    assert gate(lambda: None) == (0, "", "")


@pytest.mark.parametrize("value", [True, False, "GO", object()])
def test_what_is_no_status_is_never_taken_for_success(gate, value):
    status, _, err = gate(lambda: value)
    assert status == 1
    assert "no exit status" in err


def test_an_unforeseen_error_is_one_sentence_without_traceback(gate):
    status, out, err = gate(raising(ZeroDivisionError("division\n by zero")))
    assert (status, out) == (1, "")
    assert err == (
        "gate: internal error: ZeroDivisionError: division by zero; this is a fault of gate, no verdict was reached. "
        "Set GATE_DEBUG=1 for the traceback\n"
    )


def test_the_traceback_is_there_for_who_asks(gate, monkeypatch):
    monkeypatch.setenv("GATE_DEBUG", "1")
    _, _, err = gate(raising(ZeroDivisionError("division by zero")))
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("gate: internal error: ZeroDivisionError")


@pytest.mark.parametrize("debug", ["", "1"])
@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc",
        "postgresql://user:abc@db/supply_intel",
        "password=abc",
        "header 4f9d2c7be1a84c0f9d2c7be1a84cabc0",
        "the token from the environment: abc-in-env",
        "a password of a DSN in the environment: abc-dsn",
    ],
)
def test_an_unforeseen_error_tells_no_secret(gate, monkeypatch, text, debug):
    monkeypatch.setenv("GATE_DEBUG", debug)
    monkeypatch.setenv("VIEWER_TOKEN", "abc-in-env")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:abc-dsn@db/x")
    _, _, err = gate(raising(RuntimeError(text)))
    told = [line for line in err.splitlines() if "RuntimeError" in line]
    assert told
    assert not [line for line in told if "abc" in line]


def test_a_known_secret_is_masked_in_an_error_of_ours_too(gate, monkeypatch):
    monkeypatch.setenv("ADMIN_TOKEN", "admin-token-value")
    _, _, err = gate(raising(GateError("the header was admin-token-value")))
    assert "admin-token-value" not in err


def test_what_a_command_has_redacted_in_its_error_stays_redacted(gate):
    error = GateError("the header was admin-token-value")
    error.args = ("the header was [redacted]",)
    assert gate(raising(error))[2] == "gate: the header was [redacted]\n"


def test_the_path_of_a_token_file_is_not_a_secret(gate, monkeypatch):
    monkeypatch.setenv("ADMIN_TOKEN_FILE", "/run/secrets/admin")
    _, _, err = gate(raising(GateError("/run/secrets/admin does not exist")))
    assert "/run/secrets/admin" in err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_130(gate, error):
    status, _, err = gate(raising(error))
    assert status == 130
    assert err.strip() == "gate: interrupted."


@pytest.mark.parametrize("arguments", [["--nonsense"], ["superfluous"]])
def test_a_usage_error_is_2(gate, arguments):
    status, _, err = gate(lambda: None, *arguments)
    assert status == 2
    assert "Traceback" not in err


def test_a_broken_socket_is_not_taken_for_a_closed_pipe(gate):
    status, _, err = gate(raising(BrokenPipeError(32, "Broken pipe")))
    assert status == 1
    assert "internal error: ConnectionError" in err


TALKS = """
import click
from gate.cli import main as edge
edge.SUBCOMMANDS["talk"] = ("", "")
edge.Gate.get_command = lambda *_: click.Command("talk", callback=lambda: [click.echo("x") for _ in range(9)])
edge.main()
"""


def test_a_reader_that_goes_away_while_a_command_talks_is_no_fault_of_the_gate():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", TALKS, "talk"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def gate_command(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options.pop("python", ()), "-m", "gate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--help"], 0), (["-h"], 0), (["--version"], 0), ([], 2), (["nope"], 2), (["--nope"], 2)]
)
def test_status_of_the_command_itself(arguments, status):
    done = gate_command(*arguments)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_version():
    assert gate_command("--version").stdout == f"gate {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("rnu", "run"), ("singoff", "signoff"), ("refrence", "reference")])
def test_a_mistyped_command_is_answered_with_the_near_one(typed, meant):
    assert f"Did you mean '{meant}'?" in gate_command(typed).stderr


def test_an_unknown_command_is_answered_with_all_there_are():
    assert "There are: run, signoff" in gate_command("xyzzy").stderr


def test_help_lists_every_command():
    listed = re.findall(r"^  ([a-z]+)  ", gate_command("--help").stdout, re.MULTILINE)
    assert listed == list(edge.SUBCOMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nope"]])
def test_help_imports_nothing_heavy(arguments):
    trace = gate_command(*arguments, python=["-X", "importtime"]).stderr
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in trace.splitlines() if line.startswith("import time:")}
    assert "click" in imported
    assert not imported & set(HEAVY)


@pytest.mark.parametrize("name", list(edge.SUBCOMMANDS))
def test_every_subcommand_is_there_and_explains_itself(name):
    done = gate_command(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: gate {name}")


def test_a_reader_that_goes_away_leaves_no_trace():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "gate", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writing)
    assert done.stderr == ""
