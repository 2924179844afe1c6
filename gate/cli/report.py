"""`gate report`: a report of one run, rendered again from its journal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from gate.cli.mask import masked
from gate.evidence import JOURNAL, replay
from gate.evidence.files import replace_file
from gate.model import RunRecord
from gate.report.all import FORMATS
from gate.report.clean import line

HELP = """Render a report of a run from its journal: the same bytes that BUNDLE holds.

Of an interrupted run (BUNDLE is then a folder that ends in .partial) it says so, and calls nothing a pass.

Exit status: 0 whatever the report says. It shows, it does not decide."""


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--format", "-f", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="Which report.")
@click.option("--output", "-o", metavar="F", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
def command(bundle: Path, form: str, output: Path | None) -> None:
    """Replay, render, write."""
    record = _as_left(replay(bundle / "data" / JOURNAL), bundle)
    if record.decision is None:
        click.echo(line(masked(f"gate: this run was interrupted, its report is no result: {record.interruption}"), 400), err=True)
    text = FORMATS[form](record).encode()
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(output, text)


def _as_left(record: RunRecord, bundle: Path) -> RunRecord:
    """Of a run that was killed after its verdict and before its evidence was published, no verdict is told."""
    if record.decision is None or not bundle.resolve().name.endswith(".partial"):
        return record
    left = "it was stopped after its verdict and before its evidence was published"
    return replace(record, decision=None, finished_at=None, interruption=left)
