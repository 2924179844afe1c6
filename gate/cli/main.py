"""The command `gate`: finds the subcommand, and is the one place where an error becomes a sentence and an exit status."""

from __future__ import annotations

import difflib
import importlib
import os
import select
import sys
from contextlib import suppress
from typing import Any, NoReturn, cast

import click

from gate import __version__
from gate.errors import GateError

# Name, module that holds `command`, short help: `gate --help` is made of these lines alone and imports no subcommand.
SUBCOMMANDS = {
    "run": ("gate.cli.run", "Run the gate against a deployed service: GO or NO-GO."),
    "signoff": ("gate.cli.signoff", "Write the sign-off log from the evidence of one or more runs."),
    "load": ("gate.cli.load", "Send load to a deployed service, and judge it."),
    "keys": ("gate.cli.keys", "Make keys that sign evidence."),
    "trust": ("gate.cli.trust", "Check a trust folder: whose signatures count."),
    "sign": ("gate.cli.sign", "Approve or reject a run with your own SSH key."),
    "decide": ("gate.cli.decide", "Decide on a release, and close its evidence."),
    "verify": ("gate.cli.verify", "Verify evidence, offline and without trusting it."),
    "report": ("gate.cli.report", "Render a report of a run again, from its journal."),
    "index": ("gate.cli.index", "Write one page that lists all runs."),
    "diff": ("gate.cli.diff", "Show what is different between two runs."),
    "waive": ("gate.cli.waive", "Draft a waiver for a finding of a run."),
    "controls": ("gate.cli.controls", "List the controls that a run would have."),
    "explain": ("gate.cli.explain", "Explain one control, with the requests it sends."),
    "reference": ("gate.cli.reference", "Serve the reference service to try the gate on."),
    "selftest": ("gate.cli.selftest", "Prove that the gate goes red: one run per known fault."),
    "demo": ("gate.cli.demo", "Run the whole gate against the reference service."),
}
BROKEN, INTERRUPTED = 1, 130
STATUSES = "Exit status: 0 GO, 10 NO-GO, 11 INCONCLUSIVE, 1 the gate itself broke, 2 usage or configuration, 130 interrupted."
FAULT = "this is a fault of gate, no verdict was reached."


class Gate(click.Group):
    """A group that imports a subcommand when it is called, and never ends in a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which a reader needs them."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the subcommand of that name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        return cast(click.Command, importlib.import_module(SUBCOMMANDS[cmd_name][0]).command)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest a near name for one that does not exist."""
        name = args[0]
        if name not in SUBCOMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, SUBCOMMANDS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(SUBCOMMANDS)}."
            ctx.fail(f"No such command {name!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The table above, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in SUBCOMMANDS.items()])

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run and exit; with `standalone_mode=False` as click does it."""
        if not standalone_mode:
            return super().main(*args, **{**extra, "standalone_mode": False})
        return _leave(self._status(*args, **extra))

    def invoke(self, ctx: click.Context) -> Any:
        """Keep click from taking a socket's broken pipe for a reader that went away, which it would pass over in silence."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if _reader_gone():
                raise
            raise ConnectionError(str(error)) from error

    def _status(self, *args: Any, **extra: Any) -> int:
        try:
            return _as_status(self._outcome(*args, **extra))
        except GateError as error:
            _say(f"gate: {error}")
            return error.exit_status
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            _say("gate: interrupted.")
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the user gets one sentence
            _explain_fault(error)
            return BROKEN

    def _outcome(self, *args: Any, **extra: Any) -> object:
        try:
            return super().main(*args, **{**extra, "standalone_mode": False})
        except SystemExit as leaving:
            return leaving.code


def _as_status(value: object) -> int:
    """A command returns its exit status, or nothing for 0; what is neither must not pass for a 0."""
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise TypeError(f"the command ended with {value!r}, which is no exit status")


def _reader_gone() -> bool:
    """Whether nobody reads what is printed any more. Asked of the system: a second flush may find nothing left to write, and succeed."""
    gone = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a stream that is no file of the system's
            gone.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in gone.poll(0))


def _say(text: str, *, guess: bool = False) -> None:
    """Write to standard error without secrets, and without what a terminal would obey: an error may quote a stranger's service."""
    from gate.cli.mask import masked  # not needed on the way to help
    from gate.report.clean import line

    parts = masked(text, guess=guess).splitlines()
    indents = [" " * (len(part) - len(part.lstrip(" "))) for part in parts]
    click.echo("\n".join(indent + line(part, 2000) for indent, part in zip(indents, parts, strict=True)), err=True)


def _explain_fault(error: Exception) -> None:
    """One sentence, after the traceback where that was asked for."""
    if os.environ.get("GATE_DEBUG"):
        import traceback

        _say("".join(traceback.format_exception(error)), guess=True)
    name, message = type(error).__name__, " ".join(str(error).split())
    _say(f"gate: internal error: {name}: {message}; {FAULT} Set GATE_DEBUG=1 for the traceback", guess=True)


def _leave(status: int) -> NoReturn:
    """Exit; a reader that has closed the pipe (`gate ... | head`) changes nothing about the status."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(status)


@click.group(cls=Gate, context_settings={"help_option_names": ["-h", "--help"]}, epilog=STATUSES)
@click.version_option(__version__, prog_name="gate", message="%(prog)s %(version)s")
def main() -> None:
    """Decide from evidence whether a deployed service may go live."""
