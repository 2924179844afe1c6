"""`gate waive`: drafts a waiver from a finding, with its fingerprint filled in."""

from __future__ import annotations

import difflib
import json
from datetime import date
from pathlib import Path

import click

from gate.decide.person import same
from gate.decide.waivers import TEXTS, blank, longest, refusal
from gate.errors import ConfigurationError
from gate.evidence import JOURNAL, replay
from gate.model import Control, Outcome, Result, RunRecord
from gate.report.clean import line

HELP = """Draft a waiver for a finding of a run: the failed CONTROL in the evidence BUNDLE.

What is not given stays open in the draft, and `gate run --waivers` refuses a file with an open draft. A waiver holds for 90 days at most,
for 14 where the control is critical; who approves is not who asks. Recall, the audit pack's checksums and ways around a protection are
never waived. The waiver speaks of this finding only: it changes no outcome, and the reports name it."""
ASKED = {
    "reason": "why the release may go on in spite of the finding",
    "risk": "what may happen while it stands, and to whom",
    "requester": "who asks for it",
    "approver": "who grants it: another person",
    "ticket": "where it is written down",
    "from": "its first day, without quotes, like 2026-03-01",
    "until": "its last day, without quotes; {most} days later at most",
}


@click.command(help=HELP)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.argument("control_id", metavar="CONTROL")
@click.option("--reason", metavar="TEXT", help="Why the release may go on in spite of it.")
@click.option("--risk", metavar="TEXT", help="What may happen while it stands.")
@click.option("--requester", metavar="NAME", help="Who asks for it.")
@click.option("--approver", metavar="NAME", help="Who grants it: another person.")
@click.option("--ticket", metavar="ID", help="Where it is written down.")
@click.option("--from", "since", metavar="DAY", help="Its first day, like 2026-03-01.")
@click.option("--until", metavar="DAY", help="Its last day.")
@click.option("--output", "-o", metavar="F", type=click.Path(path_type=Path), help="Append to this file instead of printing it.")
def command(bundle: Path, control_id: str, since: str | None, until: str | None, output: Path | None, **texts: str | None) -> None:
    """Find, refuse or draft."""
    record = replay(bundle / "data" / JOURNAL)
    control, result = finding(record, control_id)
    given = {name: line(text, 2000) for name, text in texts.items() if text is not None}
    days = {name: _day(name, text) for name, text in (("from", since), ("until", until)) if text is not None}
    _check(control, given, days)
    text = draft(control, result, given, days)
    if output is None:
        click.echo(text, nl=False)
    else:
        _append(output, text, result.fingerprint)


def finding(record: RunRecord, control_id: str) -> tuple[Control, Result]:
    """The failed control; ConfigurationError where there is nothing that may be waived."""
    known = {control.id: control for control in record.controls}
    if control_id not in known:
        near = difflib.get_close_matches(control_id, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "`gate controls` lists them"
        raise ConfigurationError(f"the run has no control '{control_id[:100]}'", "one of its controls", hint)
    control, result = known[control_id], record.results.get(control_id)
    if why := refusal(control, result):
        raise ConfigurationError(f"{control_id} cannot be waived: {why}", "", "Mend the service")
    if result is None or result.outcome is not Outcome.FAILED or not result.fingerprint:
        outcome = result.outcome if result else Outcome.NOT_RUN
        raise ConfigurationError(f"{control_id} cannot be waived: its outcome is {outcome}", "a control that failed")
    return control, result


def draft(control: Control, result: Result, given: dict[str, str], days: dict[str, date]) -> str:
    """The waiver in TOML; each key that was not given is a comment that says what is missing."""
    lines = ["[[waiver]]", f"# {line(control.title)} ({control.severity}, {control.basis})"]
    lines += [f"# {name}: {line(text)}" for name, text in (("expected", result.expected or result.reason), ("seen", result.seen)) if text]
    known = {"control": control.id, "fingerprint": result.fingerprint, **given}
    for name in ("control", "fingerprint", *ASKED):
        if name in known:
            lines.append(f"{name} = {json.dumps(known[name], ensure_ascii=False)}")
        elif name in days:
            lines.append(f"{name} = {days[name].isoformat()}")
        else:
            lines.append(f"# TO DO: {name} = ...  # {ASKED[name].format(most=longest(control))}")
    return "\n".join(lines) + "\n"


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--{name} is '{text[:40]}'", "a day like 2026-03-01", "Correct it") from None


def _check(control: Control, given: dict[str, str], days: dict[str, date]) -> None:
    """Refuse at once what the run would refuse later."""
    for name in TEXTS:
        if name in given and blank(given[name]):
            raise ConfigurationError(f"--{name} says nothing", ASKED[name], "Write it, or leave the option out")
    if "requester" in given and "approver" in given and same(given["requester"], given["approver"]):
        raise ConfigurationError("who asks for the waiver would approve it", "two people", "Check --requester and --approver")
    if len(days) == len(("from", "until")):
        length, most = (days["until"] - days["from"]).days, longest(control)
        if not 0 <= length <= most:
            raise ConfigurationError(f"the waiver would run for {length} days", f"0 to {most} for {control.id}", "Check --from and --until")


def _append(path: Path, text: str, fingerprint: str) -> None:
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if f'"{fingerprint}"' in before:
            raise ConfigurationError(f"{path} has a waiver of this finding already", "one waiver a finding", "Change that one")
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        with path.open("a", encoding="utf-8") as stream:
            stream.write(gap + text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be appended to ({error})", "a text file that this user may write") from None
