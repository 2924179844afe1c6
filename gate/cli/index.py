"""`gate index`: one page that lists all runs of a folder."""

from __future__ import annotations

from pathlib import Path

import click

from gate.errors import ConfigurationError

HELP = """Write index.html: all runs in OUT_DIR and in its sub-folders (OUT_DIR; reports), with verdict, findings and recall time.

What cannot be read is listed as unreadable. The page is a table of contents, no evidence: to check a run there is `gate verify`."""


@click.command(help=HELP)
@click.argument("out_dir", metavar="[OUT_DIR]", envvar="OUT_DIR", default="reports", type=click.Path(path_type=Path))
def command(out_dir: Path) -> None:
    """Collect, render, write."""
    if not out_dir.is_dir():
        raise ConfigurationError(f"{out_dir} is no folder", "the folder in which runs leave their bundles", "Check the path")
    from gate.evidence.files import replace_file
    from gate.report.index import INDEX, collect, render_index

    entries = collect(out_dir)
    replace_file(out_dir / INDEX, render_index(entries).encode())
    unreadable = sum(entry.verdict is None for entry in entries)
    note = f", {unreadable} of them unreadable or without a verdict" if unreadable else ""
    click.echo(f"{out_dir / INDEX}: {len(entries)} runs{note}", err=True)
