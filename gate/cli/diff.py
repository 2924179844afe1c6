"""`gate diff`: what is different between two runs, on one page for the change board."""

from __future__ import annotations

from pathlib import Path

import click

from gate.evidence import JOURNAL, replay
from gate.evidence.files import replace_file
from gate.model import Verdict
from gate.report.compare import compare
from gate.report.diff import FORMATS

HELP = """Show what is different between two runs: OLD and NEW are bundles.

Newly failing, no longer run or planned, waivers gone or new, any other outcome that changed, newly planned, newly passing; the verdict,
the recall time, and whether policy, profile or suites changed.

Exit status: 0 whatever the page says; with --fail-on-regression 10 if a control newly fails, is no longer run or planned, lost its pass
in any other way, or if the verdict is worse."""


@click.command(help=HELP)
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.option("--format", "-f", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="How to write it.")
@click.option("--output", "-o", metavar="F", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.option("--fail-on-regression", is_flag=True, help="End with 10 if the new run is worse.")
def command(old: Path, new: Path, form: str, output: Path | None, *, fail_on_regression: bool) -> int:
    """Replay both, compare, render, write."""
    found = compare(replay(old / "data" / JOURNAL), replay(new / "data" / JOURNAL))
    page = FORMATS[form](found).encode()
    if output is None:
        click.echo(page, nl=False)
    else:
        replace_file(output, page)
    return Verdict.NO_GO.exit_status if fail_on_regression and found.regression else 0
