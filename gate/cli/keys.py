"""`gate keys new`: makes a key that signs runs, or decisions."""

from __future__ import annotations

from pathlib import Path

import click

HELP = """Make a key: NAME.key.pem, for its owner alone, and NAME.pub.pem, for the trust folder of everybody who verifies.

`gate` signs runs (`gate run --key`), `release` signs decisions (`gate decide --key`). They must be two keys, and better two people's.
Nothing is ever overwritten."""


@click.group(help="Make keys that sign evidence.")
def command() -> None:
    """Keys."""


@command.command("new", help=HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", type=click.Choice(["gate", "release"]), default="gate", show_default=True, help="What it signs.")
def new(folder: Path, name: str) -> None:
    """Make, and say what to do with it."""
    from gate.evidence.keys import new_key

    path, public = new_key(folder, name)
    click.echo(f"{path}: keep it secret, and out of git; it signs {'runs' if name == 'gate' else 'decisions'}.")
    click.echo(f"{folder / f'{name}.pub.pem'}: give it to everybody who verifies.")
    click.echo(f"keyid {public.keyid}")
