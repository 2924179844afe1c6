"""GitHub Actions: the step summary in Markdown, and annotations as workflow commands."""

from __future__ import annotations

import re

from gate.model import Control, Criterion, Result, RunRecord, Verdict
from gate.report.clean import code, line, markdown
from gate.report.view import (
    before_and_after,
    fact,
    findings,
    in_the_way,
    result_lines,
    seconds,
    verdict_text,
    waiver_of,
    waiver_problems,
    waivers,
)

ROWS = 50  # GitHub refuses a summary of more than 1 MiB; the reports hold every finding
SHOWN = 9  # GitHub shows ten annotations of a kind for a step, and the verdict is one of them


def render(record: RunRecord) -> str:
    """The step summary: verdict first."""
    found = findings(record)
    blocking = set(record.decision.blocking) if record.decision else {control.id for control, _ in found}
    sections = [
        _head(record),
        _criteria(record),
        _table("Stands in the way", [pair for pair in found if pair[0].id in blocking], record),
        _table("Reported, does not block", [pair for pair in found if pair[0].id not in blocking], record),
        _waivers(record),
        _foot(record),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def commands(record: RunRecord) -> list[str]:
    """Workflow commands, one a line: the verdict, then the gravest findings. Each names no file: what is at fault is deployed."""
    blocking = set(record.decision.blocking) if record.decision else {control.id for control, _ in findings(record)}
    graded = sorted(findings(record), key=lambda pair: -pair[0].severity.rank)
    stopping = [_annotation(record, "error", control, result) for control, result in graded if control.id in blocking]
    stopping = [_command("error", "Waiver", text) for text in waiver_problems(record)] + stopping
    reported = [_annotation(record, "warning", control, result) for control, result in graded if control.id not in blocking]
    return [_verdict(record), *stopping[:SHOWN], *reported[:SHOWN]]


def _head(record: RunRecord) -> list[str]:
    lines = [f"## Release gate: {verdict_text(record)}", ""]
    if record.decision is None:
        lines += [f"**This run was interrupted and proves nothing:** {markdown(record.interruption)}", ""]
    lines += ["```", *result_lines(record), "```"]
    told = {"Target": record.base_url, "Environment": record.environment, "Profile": record.profile, "Policy": record.policy}
    lines += ["", " · ".join(f"{name} {code(value, 120)}" for name, value in told.items())]
    drill = fact(record, "recall_drill")
    if "trace_seconds" in drill:
        lines += ["", f"Recall drill: {code(drill['trace_seconds'], 20)} s, limit {code(drill.get('limit_seconds', '?'), 20)} s"]
    return lines


def _criteria(record: RunRecord) -> list[str]:
    known = {item.criterion: item for item in record.decision.criteria} if record.decision else {}
    lines = ["| Criterion | Verdict |", "| --- | --- |"]
    for criterion in Criterion:
        item = known.get(criterion)
        word = "not decided" if item is None else item.verdict.value if item.verdict else "not applicable"
        lines.append(f"| {markdown(criterion.wording)} | {word} |")
    return lines


def _table(title: str, pairs: list[tuple[Control, Result]], record: RunRecord) -> list[str]:
    if not pairs:
        return [f"### {title}: nothing"]
    graded = sorted(pairs, key=lambda pair: -pair[0].severity.rank)
    lines = [
        f"### {title}: {len(pairs)}",
        "",
        "| Control | Severity | Outcome | What was seen | How to mend it |",
        "| --- | --- | --- | --- | --- |",
    ]
    for control, result in graded[:ROWS]:
        waiver = waiver_of(record, control.id)
        outcome = result.outcome.value.replace("_", " ") + (f", waived until {markdown(waiver.ends)}" if waiver else "")
        name = f"{code(control.id, 60)} {markdown(control.title, 160)}"
        lines.append(f"| {name} | {control.severity.value} | {outcome} | {markdown(result.reason)} | {markdown(control.mend)} |")
    return lines + ([f"| and {len(pairs) - ROWS} more | | | | |"] if len(pairs) > ROWS else [])


def _waivers(record: RunRecord) -> list[str]:
    given = sorted(waivers(record), key=lambda item: item.used)
    if not given:
        return []
    change = f" ({before_and_after(record)})" if record.decision else ""
    lines = [
        f"### Waivers: {len(given)}{change}",
        "",
        "| Control | State | Until | Approved by | Reason |",
        "| --- | --- | --- | --- | --- |",
    ]
    for item in given[:ROWS]:
        said = item.told
        cells = [code(item.waiver.control, 60), *(markdown(said[name]) for name in ("state", "until", "approved by", "reason"))]
        lines.append(f"| {' | '.join(cells)} |")
    return lines + ([f"| and {len(given) - ROWS} more | | | | |"] if len(given) > ROWS else [])


def _foot(record: RunRecord) -> list[str]:
    told = {"Run": record.run_id, "Started": seconds(record.started_at), "Finished": seconds(record.finished_at), "Journal": record.head}
    return [" · ".join(f"{name} {code(value, 120)}" for name, value in told.items())]


def _verdict(record: RunRecord) -> str:
    if record.decision is None:
        return _command("error", "Release gate", f"{verdict_text(record)}: {record.interruption}")
    stopping = in_the_way(record)
    kind = "notice" if record.decision.verdict is Verdict.GO else "error"
    change = f" ({before_and_after(record)})" if before_and_after(record) else ""
    return _command(kind, "Release gate", f"{verdict_text(record)}{change}; {len(stopping) or 'nothing'} in the way")


def _annotation(record: RunRecord, kind: str, control: Control, result: Result) -> str:
    waiver = waiver_of(record, control.id)
    said = f"waived until {waiver.ends}: " if waiver else ""
    mend = f". {control.mend}" if control.mend else ""
    text = f"{said}{result.outcome.value.replace('_', ' ')}: {line(result.reason, 200)}{mend}"
    return _command("notice" if waiver else kind, f"{control.id} {control.title}", text)


def _command(kind: str, title: str, text: str) -> str:
    name = _escaped(title, 160).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={name}::{_escaped(text)}"


def _escaped(text: str, limit: int = 400) -> str:
    """As the runner takes it back; the older form of a command, `##[`, is read anywhere in a line, so that is broken up."""
    return defused(line(text, limit)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def defused(text: str) -> str:
    """A report for the log of a step: no line of it is a workflow command, whatever a stranger's service wrote into it.

    The runner takes a line that begins with `::` after blanks for a command, and `##[` anywhere in a line.
    """
    return re.sub(r"(?m)^([^\S\n]*):(?=:)", r"\1: ", text).replace("##[", "# #[")
