"""What GitHub Actions is told of a run: the step summary and the annotations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from gate.model import RunRecord
from gate.report import github


def announce(record: RunRecord, environment: Mapping[str, str] = os.environ) -> None:
    """Append the summary to GITHUB_STEP_SUMMARY where that is set; print annotations where GITHUB_ACTIONS is true.

    They go to standard error, which the runner reads as well: the last lines of standard output are the three result lines. A summary
    that cannot be written is told and changes nothing about the run.
    """
    if path := environment.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(path).open("a", encoding="utf-8") as handle:
                handle.write(f"{github.render(record)}\n")
        except (OSError, ValueError) as error:
            click.echo(f"gate: the step summary could not be written to GITHUB_STEP_SUMMARY ({type(error).__name__}).", err=True)
    if on_github(environment):
        for text in github.commands(record):
            click.echo(text, err=True)


def for_log(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """A report as it may be printed: in a step of GitHub Actions no line of it is a workflow command."""
    return github.defused(text) if on_github(environment) else text


def on_github(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a step of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"
