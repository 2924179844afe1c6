"""`gate explain AUTH-003`: one control, for somebody who has just seen it fail."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gate.plugin.catalogue import Catalogue, Entry

HELP = """Explain one control: what must hold, why, how to mend it, and the requests it sends as curl lines.

It needs no BASE_URL, no tokens and no network; the lines have variables where tokens would be."""
SAFETIES = {
    "read": "reads only",
    "denied": "must be refused; harmless if it is not",
    "drill": "writes what the checklist prescribes",
    "burst": "exhausts the rate limit once",
}


@click.command(help=HELP)
@click.argument("control_id", metavar="ID")
@click.option("--profile", metavar="NAME", default="supply_intel", show_default=True, help="A shipped profile or a .toml file.")
def command(control_id: str, profile: str) -> None:
    """Collect, find, render."""
    from gate.plugin.catalogue import collect

    catalogue = collect(profile)
    click.echo(explain(catalogue, catalogue.entry(control_id)), nl=False)


def explain(catalogue: Catalogue, entry: Entry) -> str:
    """The text."""
    control = entry.control
    rows = {
        "severity": control.severity,
        "basis": control.basis,
        "criterion": f"{control.criterion}: {control.criterion.wording}",
        "safety": f"{control.safety}: {SAFETIES[control.safety]}",
        "phase": control.phase.name.lower(),
        "needs": ", ".join((control.feature or "").split(",")),
        "references": ", ".join(control.references),
        "covers": ", ".join(control.covers),
        "declared": f"{control.source}:{entry.line}",
        "waiver": "" if control.waivable else "never",
        "not run": entry.reason or "",
    }
    facts = [f"{name:<12}{value}" for name, value in rows.items() if value]
    parts = [f"{control.id}  {control.title}", "\n".join(facts)]
    parts += [_paragraph("Why", control.why), _paragraph("Mend", control.mend), "\n".join(["Requests", *_requests(catalogue, entry)])]
    return "\n\n".join(parts) + "\n"


def _paragraph(head: str, text: str) -> str:
    return f"{head}\n" + textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ", break_long_words=False)


def _requests(catalogue: Catalogue, entry: Entry) -> list[str]:
    from gate.cli.curl import curl

    lines = []
    for probe in entry.probes:
        who = {None: "as nobody", "decoy": "with another token"}.get(probe.identity, f"as {probe.identity}")
        note = f" ({probe.note})" if probe.note else ""
        lines += [f"  # {who}{note}", f"  {curl(probe, catalogue.variables)}"]
    lines += [f"  made in the drill {drill.name} ({drill.source}){': ' if drill.text else ''}{drill.text}" for drill in entry.drills]
    if entry.sends:
        lines.append("  made by its check, step by step")
    if entry.reads_run:
        lines.append("  it judges what the whole run has seen")
    return lines or ["  none of its own"]
